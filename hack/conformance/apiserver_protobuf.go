package main

import (
	"bytes"
	"encoding/binary"
	"errors"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

const protobuf = "application/vnd.kubernetes.protobuf"

var errProtobuf = errors.New("not a lease in protobuf")

// decodeLease decodes a lease, of which it keeps the metadata and the holder. It is the one kind of object that typed
// clients of client-go, which send protobuf, write here.
func decodeLease(body []byte) (object, error) {
	body, ok := bytes.CutPrefix(body, []byte("k8s\x00"))
	if !ok {
		return nil, errProtobuf
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(body); err != nil {
		return nil, err
	}
	lease, err := protobufFields(envelope.Raw)
	if err != nil {
		return nil, err
	}
	var metadata metav1.ObjectMeta
	if err := metadata.Unmarshal(lease[1]); err != nil {
		return nil, err
	}
	decoded, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&metadata)
	if err != nil {
		return nil, err
	}
	spec, err := protobufFields(lease[2])
	if err != nil {
		return nil, err
	}
	o := object{"metadata": decoded, "spec": object{}}
	if holder, ok := spec[1]; ok {
		o["spec"] = object{"holderIdentity": string(holder)}
	}
	return o, nil
}

// protobufFields returns the fields of a message by their numbers. All must be strings, bytes or messages.
func protobufFields(message []byte) (map[uint64][]byte, error) {
	fields := make(map[uint64][]byte)
	for len(message) > 0 {
		tag, n := binary.Uvarint(message)
		if n <= 0 || tag&7 != 2 {
			return nil, errProtobuf
		}
		message = message[n:]
		length, n := binary.Uvarint(message)
		if n <= 0 || length > uint64(len(message)-n) {
			return nil, errProtobuf
		}
		fields[tag>>3] = message[n : n+int(length)]
		message = message[n+int(length):]
	}
	return fields, nil
}
