package ui

// actor is what an action acts with: the device on show, the world, what can stand
// in front of the panes, and a word to the user. The actions of a subject are the
// methods of a type that embeds it; the table in actions.go says which key calls which.
type actor struct {
	devices *devices
	world   *requests
	boxes   *boxes
	say     func(string)
}
