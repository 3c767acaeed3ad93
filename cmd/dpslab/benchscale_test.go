package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/dpslab/dpslab/internal/clock"
	"github.com/dpslab/dpslab/internal/devwire"
	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/internal/query"
	"github.com/dpslab/dpslab/reference/enrollment"
	"github.com/dpslab/dpslab/suites/sut"
)

const (
	few, many = 1000, 1_000_000
	farPage   = 9000 // of a hundred enrollments each
)

// BenchmarkEnrollments compares labs whose data files have a thousand and a million
// individual enrollments, written into the file while no lab has it open.
func BenchmarkEnrollments(b *testing.B) {
	groupKey := make([]byte, 64)
	small, large := enrolled(b, few, groupKey), enrolled(b, many, groupKey)
	var ratios, pages []float64
	for b.Loop() {
		ratios, pages = nil, nil
		for range rounds {
			one := register(b, large, dps.HTTPS, workers, groupKey, "pump")
			two := register(b, small, dps.HTTPS, workers, groupKey, "pump")
			ratios = append(ratios, one/two)
			pages = append(pages, pageTime(b, large, farPage)/pageTime(b, large, 1))
		}
	}
	before := heap()
	memory := enrollment.NewMemory()
	for _, id := range ids(many) {
		if err := memory.Create(b.Context(), record(id, groupKey)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/many, "B/enrollment")
	if _, err := memory.Get(b.Context(), enrollment.Individual, "pump-1"); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(median(pages), "page-ratio")
	b.ReportMetric(0, "ns/op")
}

func ids(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("pump-%d", i+1))
	}
	slices.Sort(all)
	return all
}

func record(id string, groupKey []byte) enrollment.Enrollment {
	key := devwire.DeriveKey(groupKey, id)
	return enrollment.Enrollment{ID: id, ETag: id, Attestation: enrollment.Attestation{
		Type: dps.AttestationSymmetricKey, SymmetricKey: enrollment.SymmetricKey{Primary: key, Secondary: key},
	}}
}

// enrolled is a lab with n individual enrollments, and a group of the same key.
func enrolled(b *testing.B, n int, groupKey []byte) sut.Target {
	b.Helper()
	folder := b.TempDir()
	args := func(file string) []string {
		return []string{"up", "--auto-ports", "--state", filepath.Join(folder, "state"), "--data", filepath.Join(folder, "data"),
			"--target-file", file, "--retry-after", "0s"}
	}
	first := filepath.Join(folder, "first.yaml")
	p := start(b, environment(b), "dpslab", args(first)...)
	appears(b, p, first)
	p.interrupt()
	p.wait(b)
	fill(b, filepath.Join(folder, "data", "service.db"), n, groupKey)
	second := filepath.Join(folder, "second.yaml")
	lab := serving(b, second, "dpslab", args(second)...)
	enrollBench(b, lab, groupKey)
	return lab
}

func fill(b *testing.B, path string, n int, groupKey []byte) {
	b.Helper()
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for some := range slices.Chunk(ids(n), 50_000) {
		err := db.Update(func(tx *bolt.Tx) error {
			bucket := tx.Bucket([]byte("individual enrollments"))
			for _, id := range some {
				text, err := enrollment.Marshal(record(id, groupKey))
				if err != nil {
					return err
				}
				if err := bucket.Put([]byte(id), text); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// pageTime is the median time of one page of a hundred, in seconds.
func pageTime(b *testing.B, lab sut.Target, page int) float64 {
	b.Helper()
	client := operator(b, lab)
	defer client.Close()
	const text, size = "SELECT * FROM enrollments", 100
	continuation := ""
	if page > 1 {
		after := ids(many)[(page-1)*size-1]
		continuation = query.EncodeContinuation(query.Token{After: after}, text, "Enrollment/")
	}
	var times []float64
	for range 21 {
		elapsed := clock.Stopwatch()
		answer, err := client.Query(b.Context(), "/enrollments", text, size, continuation)
		if err != nil || answer.Status != 200 {
			b.Fatal(answer.Status, err)
		}
		times = append(times, elapsed().Seconds())
	}
	return median(times)
}
