package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// connections are how many a process holds at most.
const connections = 8

// pool hands out connections, made when they are first needed and anew when they broke.
type pool struct {
	config *pgx.ConnConfig
	slots  chan *pgx.Conn // a nil one is to be made
}

func newPool(c *pgx.ConnConfig) *pool {
	p := &pool{config: c, slots: make(chan *pgx.Conn, connections)}
	for range connections {
		p.slots <- nil
	}
	return p
}

// do runs f on a connection that is f's alone. All of it has patience's time.
func (p *pool) do(ctx context.Context, f func(ctx context.Context, c *pgx.Conn) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var c *pgx.Conn
	select {
	case c = <-p.slots:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { p.slots <- c }()
	if c == nil || c.IsClosed() {
		made, err := pgx.ConnectConfig(ctx, p.config.Copy())
		if err != nil {
			return err
		}
		c = made
	}
	return f(ctx, c)
}

// close ends all connections, when what runs on them is done. Nothing comes after it.
func (p *pool) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for range connections {
		if c := <-p.slots; c != nil {
			c.Close(ctx)
		}
	}
}
