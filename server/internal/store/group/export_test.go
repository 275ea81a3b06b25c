package group

// Waiting is how many calls wait for a lane.
func (g *Group[I, O]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// Closed tells whether Close was called.
func (g *Group[I, O]) Closed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}
