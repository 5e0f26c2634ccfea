package report

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
)

// Shard says of which part of a run a report is: the part Index, from 1, of Of. Split is the
// same in reports of one run only (shard.Plan.Print). The zero value is a whole run.
type Shard struct {
	Index int    `json:"index"`
	Of    int    `json:"of"`
	Split string `json:"split"`
}

func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// shardTarget is the target of the processing instruction with which an XML report says of
// which shard it is. Whoever does not know one passes it over, a schema has no say in it.
const shardTarget = "nodemcu-sim"

// instruction is that, with its line end; "" for a whole run.
func (s Shard) instruction() string {
	if s == (Shard{}) {
		return ""
	}
	return fmt.Sprintf("<?%s shard=\"%s\" split=\"%s\"?>\n", shardTarget, s, s.Split)
}

// shardOf reads one.
func shardOf(p xml.ProcInst) (s Shard, err error) {
	if _, err := fmt.Sscanf(string(p.Inst), `shard="%d/%d" split=%q`, &s.Index, &s.Of, &s.Split); err != nil {
		return s, fmt.Errorf("it does not say of which shard it is: %.60q", p.Inst)
	}
	return s, s.check()
}

var splits = regexp.MustCompile(`^[0-9a-f]{1,64}$`)

// check says what is wrong with one that was read.
func (s Shard) check() error {
	if s != (Shard{}) && (s.Index < 1 || s.Index > s.Of || !splits.MatchString(s.Split)) {
		return fmt.Errorf("there is no shard %d/%d with the split %.20q", s.Index, s.Of, s.Split)
	}
	return nil
}

// Missing looks at the shards of reports, which names has the names of, and returns those
// that are not there. Shards of several splits, one that is there twice, and one beside a
// whole run are an error.
func Missing(names []string, shards []Shard) ([]Shard, error) {
	if len(shards) == 0 {
		return nil, nil
	}
	first := shards[0]
	seen := map[int]int{}
	for i, s := range shards {
		switch other, twice := seen[s.Index]; {
		case (s == Shard{}) != (first == Shard{}):
			whole, part := 0, i
			if s == (Shard{}) {
				whole, part = i, 0
			}
			return nil, fmt.Errorf("%s is of a whole run, %s of shard %s: tests would count twice", names[whole], names[part], shards[part])
		case s.Of != first.Of || s.Split != first.Split:
			return nil, fmt.Errorf("%s (shard %s) and %s (shard %s) are not of one run, or were not split alike, so that tests may be missing: every shard must be given the same files, the same N and the same --durations", names[0], first, names[i], s)
		case twice && s != Shard{}:
			return nil, fmt.Errorf("%s and %s are both of shard %s: give the report of each once", names[other], names[i], s)
		}
		seen[s.Index] = i
	}
	var missing []Shard
	for i := range first.Of {
		if _, ok := seen[i+1]; !ok {
			missing = append(missing, Shard{i + 1, first.Of, first.Split})
		}
		if len(missing) > maxMissing {
			break
		}
	}
	return missing, nil
}

// maxMissing is how many are counted: a file can say that there are any number.
const maxMissing = 100

// inOrder compares the results of two files by where they stand in a run: repetitions one
// behind the other, each with its files by name.
func inOrder(seedA, seedB uint64, fileA, fileB string) int {
	return cmp.Or(cmp.Compare(seedA, seedB), strings.Compare(fileA, fileB))
}
