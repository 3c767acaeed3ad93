package main

import "github.com/spf13/cobra"

func newDevice() *cobra.Command { return &cobra.Command{Use: "device"} }
