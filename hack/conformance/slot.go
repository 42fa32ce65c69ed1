package main

import (
	"fmt"
	"io"
	"net"
	"sync/atomic"
)

// slot is a cluster's name, and the address that it leads to. Clients that run at the same time have different slots.
type slot struct {
	id, ip   string
	listener net.Listener
	cluster  atomic.Pointer[string] // the address that connections are passed on to
}

func slots() []*slot {
	var all []*slot
	for n := 1; n <= parallel; n++ {
		all = append(all, &slot{
			id: fmt.Sprintf("00000000-0000-4000-8000-%012d", n),
			ip: fmt.Sprintf("127.0.1.%d", n),
		})
	}
	return all
}

// open makes the slot listen until it is closed: through all trials, because a listener that is closed still has its
// port while a process that was started meanwhile has a copy of it.
func (s *slot) open() error {
	var err error
	if s.listener, err = net.Listen("tcp", s.ip+":443"); err != nil {
		return err
	}
	go s.relay()
	return nil
}

func (s *slot) close() { s.listener.Close() }

// relay passes connections on to the cluster.
func (s *slot) relay() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		address := s.cluster.Load()
		if address == nil {
			client.Close()
			continue
		}
		server, err := net.Dial("tcp", *address)
		if err != nil {
			client.Close()
			continue
		}
		pass := func(to, from net.Conn) {
			io.Copy(to, from)
			to.Close()
			from.Close()
		}
		go pass(server, client)
		go pass(client, server)
	}
}
