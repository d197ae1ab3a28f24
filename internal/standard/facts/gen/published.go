package main

import "encoding/json"

// structure is what is read of a StructureDefinition.
type structure struct {
	URL, Version, Name, Title, Kind, Type, BaseDefinition, Derivation string
	Abstract                                                          bool
	Snapshot                                                          struct{ Element []*element }

	byID map[string]*element // by the id without the type
}

// element is what is read of an ElementDefinition.
type element struct {
	ID, Path, SliceName, Max, ContentReference string
	Min                                        int
	IsModifier                                 bool
	MaxLength                                  int
	Base                                       struct{ Max string }
	Type                                       []struct {
		Code                   string
		Profile, TargetProfile []string
		Extension              []struct{ URL, ValueURL string }
	}
	Constraint []struct{ Key, Severity, Human, Expression, Source string }
	Binding    *struct{ Strength, ValueSet string }
	Slicing    *struct {
		Discriminator []struct{ Type, Path string }
		Ordered       bool
		Rules         string
	}

	fixed, pattern, least, most json.RawMessage
}

// UnmarshalJSON also reads what has its type in its name: fixedCode.
func (e *element) UnmarshalJSON(data []byte) error {
	type plain element
	if err := json.Unmarshal(data, (*plain)(e)); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	e.fixed, e.pattern = starting(all, "fixed"), starting(all, "pattern")
	e.least, e.most = starting(all, "minValue"), starting(all, "maxValue")
	return nil
}

func starting(all map[string]json.RawMessage, prefix string) json.RawMessage {
	for key, v := range all {
		if len(key) > len(prefix) && key[:len(prefix)] == prefix && key[len(prefix)] >= 'A' && key[len(prefix)] <= 'Z' {
			return v
		}
	}
	return nil
}

// codeSystem is what is read of a CodeSystem.
type codeSystem struct {
	URL, Version, Name, Title, Content string
	CaseSensitive                      *bool
	Concept                            []concept
}

type concept struct {
	Code, Display string
	Property      []struct {
		Code, ValueCode string
		ValueBoolean    bool
	}
	Concept []concept
}

// valueSet is what is read of a ValueSet.
type valueSet struct {
	URL, Version, Name, Title string
	Compose                   struct{ Include, Exclude []part }
}

type part struct {
	System   string
	Concept  []concept
	Filter   []struct{ Property, Op, Value string }
	ValueSet []string
}
