// one-channel SOCKET WAY COUNT METHOD calls containerd, buildkitd and METHOD (a k3c method that echoes) in turn on one
// grpc-go channel, and prints how many calls succeeded and the errors of the others as JSON. WAY is `turns` (one after
// another), `together` (all at once) or `joined` (one to containerd, then all at once).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	version "github.com/containerd/containerd/api/services/version/v1"
	control "github.com/moby/buildkit/api/services/control"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

func main() {
	socket, way, method := os.Args[1], os.Args[2], os.Args[4]
	count, err := strconv.Atoi(os.Args[3])
	if err != nil {
		panic(err)
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if os.Getenv("DISABLE_RETRY") != "" {
		options = append(options, grpc.WithDisableRetry())
	}
	channel, err := grpc.NewClient("unix://"+socket, options...)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	calls := []func(i int) error{
		func(int) error {
			answer, err := version.NewVersionClient(channel).Version(ctx, &emptypb.Empty{})
			if err == nil && answer.Version == "" {
				return fmt.Errorf("not containerd's answer: %v", answer)
			}
			return err
		},
		func(i int) error {
			answer := &wrapperspb.StringValue{}
			sent := fmt.Sprint(i)
			err := channel.Invoke(ctx, method, wrapperspb.String(sent), answer)
			if err == nil && answer.Value != sent {
				return fmt.Errorf("not the echo of %s: %s", sent, answer.Value)
			}
			return err
		},
		func(int) error {
			answer, err := control.NewControlClient(channel).Info(ctx, &control.InfoRequest{})
			if err == nil && answer.GetBuildkitVersion().GetVersion() == "" {
				return fmt.Errorf("not buildkitd's answer: %v", answer)
			}
			return err
		},
	}
	ok, failures := 0, map[string]int{}
	var mutex sync.Mutex
	call := func(i int) {
		err := calls[i%len(calls)](i)
		mutex.Lock()
		defer mutex.Unlock()
		if err == nil {
			ok++
		} else {
			failures[err.Error()]++
		}
	}
	first := 0
	if way == "joined" {
		call(first)
		first++
	}
	var group sync.WaitGroup
	for i := first; i < count; i++ {
		if way == "turns" {
			call(i)
		} else {
			group.Go(func() { call(i) })
		}
	}
	group.Wait()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"ok": ok, "failures": failures}); err != nil {
		panic(err)
	}
}
