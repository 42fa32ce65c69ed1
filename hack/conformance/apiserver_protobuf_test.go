package main

import (
	"encoding/binary"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// encodeLease encodes a lease as client-go's typed clients do. An empty holder is an absent one.
func encodeLease(t *testing.T, name, holder string) string {
	t.Helper()
	field := func(number byte, value []byte) []byte {
		return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(value))), value...)
	}
	metadata := metav1.ObjectMeta{Name: name, Labels: map[string]string{"key": "value"}}
	encoded, err := metadata.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var spec []byte
	if holder != "" {
		spec = field(1, []byte(holder))
	}
	envelope := runtime.Unknown{
		TypeMeta: runtime.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
		Raw:      append(field(1, encoded), field(2, spec)...),
	}
	body, err := envelope.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return "k8s\x00" + string(body)
}

func TestDecodeLease(t *testing.T) {
	long := strings.Repeat("holder ", 30) // its length takes more than one byte
	for _, holder := range []string{"", "holder", long} {
		lease, err := decodeLease([]byte(encodeLease(t, "lock", holder)))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := at(lease, "spec", "holderIdentity").(string)
		if got != holder || at(lease, "metadata", "name") != "lock" || at(lease, "metadata", "labels", "key") != "value" {
			t.Errorf("got %v, want the name, the label and the holder %q", lease, holder)
		}
	}
	whole := encodeLease(t, "lock", long)
	for _, wrong := range []string{"", "{}", "k8s\x00{}", whole[4:], whole[:len(whole)-1], whole[:len(whole)-100]} {
		if lease, err := decodeLease([]byte(wrong)); err == nil {
			t.Errorf("decoding %q: got %v, want an error", wrong, lease)
		}
	}
}

func TestAPIServerLease(t *testing.T) {
	a := newAPIServerTest(t)
	const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+leases,
		strings.NewReader(encodeLease(t, "lock", "holder")))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", protobuf)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	_, lease := a.do(http.MethodGet, leases+"/lock", "", "")
	if response.StatusCode != http.StatusCreated || at(lease, "spec", "holderIdentity") != "holder" {
		t.Errorf("got %d and then %v, want it created and held", response.StatusCode, lease)
	}
}
