package postgres

import (
	"context"

	"github.com/dpslab/dpslab/internal/dps"
	"github.com/dpslab/dpslab/reference/enrollment"
)

// Enrollments is an enrollment.Store.
type Enrollments struct{ db *DB }

// Enrollments returns the store of enrollments in the database.
func (d *DB) Enrollments() *Enrollments { return &Enrollments{d} }

func (s *Enrollments) Get(ctx context.Context, k enrollment.Kind, id string) (enrollment.Enrollment, error) {
	list, err := s.query(ctx, `select record from enrollments where kind = $1 and id = $2`, int16(k), enrollment.Fold(id))
	if err == nil && len(list) == 0 {
		err = enrollment.ErrNotFound
	}
	if err != nil {
		return enrollment.Enrollment{}, err
	}
	return list[0], nil
}

func (s *Enrollments) Create(ctx context.Context, e enrollment.Enrollment) error {
	text, err := enrollment.Marshal(e)
	if err != nil {
		return err
	}
	n, err := s.db.exec(ctx, `insert into enrollments (kind, id, etag, attestation, subjects, record)
		values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
		int16(e.Kind), enrollment.Fold(e.ID), e.ETag, int16(e.Attestation.Type), subjects(e), text)
	if err == nil && n == 0 {
		return enrollment.ErrExists
	}
	return err
}

func (s *Enrollments) Replace(ctx context.Context, e enrollment.Enrollment, was string) error {
	text, err := enrollment.Marshal(e)
	if err != nil {
		return err
	}
	n, err := s.db.exec(ctx, `update enrollments set etag = $3, attestation = $4, subjects = $5, record = $6
		where kind = $1 and id = $2 and etag = $7`,
		int16(e.Kind), enrollment.Fold(e.ID), e.ETag, int16(e.Attestation.Type), subjects(e), text, was)
	if err == nil && n == 0 {
		return s.notAs(ctx, e.Kind, e.ID)
	}
	return err
}

func (s *Enrollments) Delete(ctx context.Context, k enrollment.Kind, id, was string) error {
	n, err := s.db.exec(ctx, `delete from enrollments where kind = $1 and id = $2 and ($3 = '' or etag = $3)`,
		int16(k), enrollment.Fold(id), was)
	if err == nil && n == 0 {
		return s.notAs(ctx, k, id)
	}
	return err
}

// notAs tells why no record had the ETag that a write asked for.
func (s *Enrollments) notAs(ctx context.Context, k enrollment.Kind, id string) error {
	if _, err := s.Get(ctx, k, id); err != nil {
		return err
	}
	return enrollment.ErrChanged
}

func (s *Enrollments) List(ctx context.Context, k enrollment.Kind, after string, limit int) ([]enrollment.Enrollment, error) {
	return s.query(ctx, `select record from enrollments where kind = $1 and id > $2 order by id limit $3`,
		int16(k), enrollment.Fold(after), limit)
}

func (s *Enrollments) SymmetricKeyGroups(ctx context.Context) ([]enrollment.Enrollment, error) {
	return s.query(ctx, `select record from enrollments where kind = $1 and attestation = $2`,
		int16(enrollment.Group), int16(dps.AttestationSymmetricKey))
}

func (s *Enrollments) SigningGroups(ctx context.Context, rawSubject []byte) ([]enrollment.Enrollment, error) {
	return s.query(ctx, `select record from enrollments where kind = $1 and $2 = any(subjects)`,
		int16(enrollment.Group), rawSubject)
}

func (s *Enrollments) query(ctx context.Context, sql string, args ...any) ([]enrollment.Enrollment, error) {
	texts, err := s.db.texts(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var list []enrollment.Enrollment
	for _, text := range texts {
		e, err := enrollment.Unmarshal(text)
		if err != nil {
			return nil, err
		}
		list = append(list, e)
	}
	return list, nil
}

// subjects are those by which SigningGroups finds a record.
func subjects(e enrollment.Enrollment) [][]byte {
	list := [][]byte{}
	if x := e.Attestation.X509; e.Attestation.Type == dps.AttestationX509 && x.Form == enrollment.SigningCertificates {
		for _, c := range x.Certificates() {
			list = append(list, c.RawSubject)
		}
	}
	return list
}
