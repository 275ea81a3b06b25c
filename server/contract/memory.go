package contract

// memory is a map that forgets what was put into it first.
type memory[K comparable, V any] struct {
	limit  int
	values map[K]V
	order  []K
	next   int
}

func newMemory[K comparable, V any](limit int) *memory[K, V] {
	return &memory[K, V]{limit: limit, values: map[K]V{}}
}

func (m *memory[K, V]) get(key K) V { return m.values[key] }

func (m *memory[K, V]) put(key K, value V) {
	if _, known := m.values[key]; !known {
		if len(m.order) < m.limit {
			m.order = append(m.order, key)
		} else {
			delete(m.values, m.order[m.next])
			m.order[m.next] = key
			m.next = (m.next + 1) % m.limit
		}
	}
	m.values[key] = value
}
