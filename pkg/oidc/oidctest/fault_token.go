package oidctest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"time"
)

// spoilIDToken applies a fault of the token endpoint to an ID token before it is signed. i.mu must be held.
func (i *Issuer) spoilIDToken(issued *idToken, fault string, first bool) {
	claims, now := issued.claims, i.clock()
	switch fault {
	case "alg-none":
		issued.header = map[string]any{"alg": "none", "typ": "JWT"}
		issued.sign = func(string) []byte { return nil }
	case "hs256":
		issued.header["alg"] = "HS256"
		issued.sign = i.signingKey().hmac
	case "bad-signature":
		key := i.signingKey()
		issued.sign = func(text string) []byte { return key.sign(text + " ") }
	case "unknown-kid":
		issued.header["kid"] = randomHex()
	case "wrong-iss":
		claims["iss"] = strangerURL
	case "wrong-aud":
		claims["aud"] = strangerName
	case "many-audiences":
		claims["aud"] = []string{i.clientID, strangerName}
	case "other-azp":
		claims["azp"] = strangerName
	case "wrong-nonce":
		claims["nonce"] = strangerName
	case "no-nonce":
		delete(claims, "nonce")
	case "no-exp":
		delete(claims, "exp")
	case "expired":
		claims["exp"] = now.Add(-time.Hour).Unix()
		claims["iat"] = now.Add(-time.Hour - i.lifetime).Unix()
	case "future":
		i.postpone(claims, 5*time.Minute)
	case "far-future":
		i.postpone(claims, time.Hour)
	case "other-subject":
		if !first {
			claims["sub"] = strangerName
		}
	}
}

// postpone makes an ID token valid some time from now only. i.mu must be held.
func (i *Issuer) postpone(claims map[string]any, d time.Duration) {
	start := i.clock().Add(d)
	claims["iat"], claims["nbf"], claims["exp"] = start.Unix(), start.Unix(), start.Add(i.lifetime).Unix()
}

// spoilTokens applies a fault of the token endpoint to an answer.
func spoilTokens(body map[string]any, fault string) {
	switch fault {
	case "no-id-token":
		delete(body, "id_token")
	case "control-chars":
		body["id_token"] = body["id_token"].(string) + "\n"
	case "control-chars-refresh":
		if refresh, ok := body["refresh_token"].(string); ok {
			body["refresh_token"] = refresh[:10] + " " + refresh[10:]
		}
	}
}

// hmac signs with the public key as if it were a secret.
func (k *signingKey) hmac(text string) []byte {
	der, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
	if err != nil {
		panic(err) // it is an RSA key
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
