package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets this binary play whom a test needs as a process of its own: its first
// argument is "as:" and the role.
func TestMain(m *testing.M) {
	role, is := "", false
	if len(os.Args) > 1 {
		role, is = strings.CutPrefix(os.Args[1], "as:")
	}
	if !is {
		os.Exit(m.Run())
	}
	play, known := roles[role]
	if !known {
		fmt.Fprintln(os.Stderr, "no role", role)
		os.Exit(exitUntestable)
	}
	os.Args, asItself = append([]string{"dpslab"}, os.Args[2:]...), []string{"as:dpslab"}
	play()
}

var roles = map[string]func(){
	"dpslab": main,
	"bare":   playBare,
	"exit":   func() { code, _ := strconv.Atoi(os.Args[1]); os.Exit(code) },
	"env":    tellEnvironment,
	"wait":   awaitInterrupt,
	"deaf":   ignoreInterrupts,
}

// playBare serves the bare baseline until it is interrupted.
func playBare() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := serveBare(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUntestable)
	}
}

// tellEnvironment prints the environment as JSON.
func tellEnvironment() { json.NewEncoder(os.Stdout).Encode(os.Environ()) }

// awaitInterrupt says that it waits, and who it is, and ends with code 3 when it is
// interrupted.
func awaitInterrupt() {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	fmt.Printf("waiting as %d\n", os.Getpid())
	fmt.Println("heard", <-interrupts)
	os.Exit(3)
}

// ignoreInterrupts is a child that does not want to end.
func ignoreInterrupts() {
	signal.Ignore(os.Interrupt, syscall.SIGTERM)
	fmt.Printf("waiting as %d\n", os.Getpid())
	select {}
}
