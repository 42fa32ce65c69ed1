#!/usr/bin/env bash
# Installs the release VERSION on a GitHub runner, if the checksum of its SHA256SUMS is SHA256, and adds CLUSTER to the
# kubeconfig, unless that is empty. The release is at DOWNLOADS or, if that is empty, one of REPOSITORY on SERVER.
set -euo pipefail

fail() {
	echo "::error::$1"
	exit 1
}

sum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# Whatever is wrong with it, a version mustn't lead elsewhere.
[[ $VERSION =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || fail "version isn't one like v0.1.0"
[[ $SHA256 =~ ^[0-9a-f]{64}$ ]] || fail "sha256 isn't a SHA-256 checksum in hexadecimal"
case $RUNNER_OS in
Linux) os=linux suffix=tar.gz ;;
macOS) os=darwin suffix=tar.gz ;;
Windows) os=windows suffix=zip ;;
*) fail "there is no doks-auth for $RUNNER_OS" ;;
esac
case $RUNNER_ARCH in
X64) arch=amd64 ;;
ARM64) arch=arm64 ;;
*) fail "there is no doks-auth for $RUNNER_ARCH" ;;
esac
archive=doks-auth_${VERSION#v}_${os}_$arch.$suffix

dir=$RUNNER_TEMP/doks-auth
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
for file in SHA256SUMS "$archive"; do
	curl -fsSL --retry 3 -o "$file" "${DOWNLOADS:-$SERVER/$REPOSITORY/releases/download}/$VERSION/$file" ||
		fail "$file can't be downloaded"
done
echo "$SHA256  SHA256SUMS" | sum -c >/dev/null || fail "SHA256SUMS doesn't have the expected checksum"
grep -F "  $archive" SHA256SUMS | sum -c >/dev/null || fail "$archive doesn't have the checksum in SHA256SUMS"
if [ "$suffix" = zip ]; then unzip -q "$archive"; else tar -xzf "$archive"; fi
rm "$archive"

echo "$dir" >>"$GITHUB_PATH"
./doks-auth version
if [ -n "$CLUSTER" ]; then
	./doks-auth kubeconfig save -- "$CLUSTER"
fi
