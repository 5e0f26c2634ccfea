package heap

import "math"

// KeyKind is the type of a table key as far as its place in a table goes.
type KeyKind uint8

// The kinds of keys. keyNone marks a node that never held one.
const (
	keyNone KeyKind = iota
	KeyNumber
	KeyString
	KeyBool
	KeyObject // collectable: table, closure, userdata, thread
)

// Key is a table key, reduced to what decides where it goes.
type Key struct {
	Kind KeyKind
	Hash uint32 // of a string, or standing for the address of an object
	Num  float64
	Str  string
	ID   uintptr // identity of an object
}

// NumberKey is the key for a number.
func NumberKey(n float64) Key { return Key{Kind: KeyNumber, Num: n} }

// StringKey is the key for a string.
func StringKey(s string) Key { return Key{Kind: KeyString, Str: s, Hash: StringHash(s)} }

// BoolKey is the key for a boolean.
func BoolKey(b bool) Key {
	k := Key{Kind: KeyBool}
	if b {
		k.Hash = 1
	}
	return k
}

// ObjectKey is the key for a collectable object. On the device its node depends
// on its address; hash stands for that and should differ between objects.
func ObjectKey(id uintptr, hash uint32) Key { return Key{Kind: KeyObject, ID: id, Hash: hash} }

func (k *Key) equal(o *Key) bool {
	if k.Kind != o.Kind {
		return false
	}
	switch k.Kind {
	case KeyString:
		return k.Hash == o.Hash && k.Str == o.Str
	case KeyNumber:
		return k.Num == o.Num
	case KeyBool:
		return k.Hash == o.Hash
	case KeyObject:
		return k.ID == o.ID
	}
	return false
}

// index is the key as an array index, 0 when it can't be one.
func (k *Key) index() int {
	if k.Kind != KeyNumber || !(k.Num >= 1 && k.Num <= maxArray) {
		return 0
	}
	n := int(k.Num)
	if float64(n) != k.Num {
		return 0
	}
	return n
}

// mainNode is the node a key belongs in when it is free, in a vector of n.
// Source: oracle: memory-sizes.json, table_growth.node_of_*.
func (k *Key) mainNode(n int) int {
	odd := uint32(n-1) | 1
	switch k.Kind {
	case KeyString, KeyBool:
		return int(k.Hash) & (n - 1)
	case KeyNumber:
		if k.Num == 0 {
			return 0
		}
		b := math.Float64bits(k.Num)
		return int((uint32(b) + uint32(b>>32)) % odd)
	}
	return int(k.Hash % odd)
}
