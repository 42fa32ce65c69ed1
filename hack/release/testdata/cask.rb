# Evaluates a cask with as much of Homebrew's language as it uses, and prints what it says for each system as JSON.
require "json"

class Cask
  attr_reader :said

  def initialize(os, arch)
    @os, @arch, @said = os, arch, Hash.new { |said, stanza| said[stanza] = [] }
  end

  def on_macos = (yield if @os == "darwin")
  def on_linux = (yield if @os == "linux")
  def on_intel = (yield if @arch == "amd64")
  def on_arm = (yield if @arch == "arm64")
  def livecheck = nil
  def postflight = nil

  def version(value = nil)
    @said["version"] << value if value
    @said["version"].first
  end

  %w[name sha256 url desc homepage binary manpage bash_completion fish_completion zsh_completion].each do |stanza|
    define_method(stanza) { |value| @said[stanza] << value }
  end
end

def cask(token, &block)
  all = %w[darwin linux].product(%w[amd64 arm64]).to_h do |os, arch|
    cask = Cask.new(os, arch)
    cask.instance_eval(&block)
    ["#{os}_#{arch}", cask.said.merge(token: [token])]
  end
  puts all.to_json
end

load ARGV.fetch(0)
