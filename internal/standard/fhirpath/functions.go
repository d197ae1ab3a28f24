package fhirpath

import "sync"

// call is what a function does: with what it is called on, and arguments.
type call func(r *running, in Collection, args []step) (Collection, error)

// function is one function of FHIRPath or of FHIR.
type function struct {
	least, most int
	do          call
	build       func(t *tree, compile compiler) (call, []step, error) // for what is settled once, with its own arguments
}

// compiler turns a tree into steps.
type compiler func(t *tree) (step, error)

// functions has every function by name.
//
// Spec: http://hl7.org/fhirpath/N1/#functions, its continuous build for what
// later became sort(), split(), join(), encode(), lowBoundary() and their
// like, and https://hl7.org/fhir/R4/fhirpath.html#functions
var functions = sync.OnceValue(func() map[string]function {
	all := map[string]function{}
	for _, group := range []map[string]function{listFunctions(), textFunctions(), numberFunctions(), conversions(), fhirFunctions()} {
		for name, f := range group {
			all[name] = f
		}
	}
	return all
})

func listFunctions() map[string]function {
	return map[string]function{
		"empty":       {0, 0, func(r *running, in Collection, _ []step) (Collection, error) { return r.bool(len(in) == 0) }, nil},
		"exists":      {0, 1, exists, nil},
		"all":         {1, 1, all, nil},
		"allTrue":     {0, 0, everyOne(true, true), nil},
		"anyTrue":     {0, 0, everyOne(true, false), nil},
		"allFalse":    {0, 0, everyOne(false, true), nil},
		"anyFalse":    {0, 0, everyOne(false, false), nil},
		"subsetOf":    {1, 1, subsetOf, nil},
		"supersetOf":  {1, 1, supersetOf, nil},
		"count":       {0, 0, func(r *running, in Collection, _ []step) (Collection, error) { return r.one(Int(int64(len(in)))), nil }, nil},
		"distinct":    {0, 0, func(r *running, in Collection, _ []step) (Collection, error) { return distinct(r, in) }, nil},
		"isDistinct":  {0, 0, isDistinct, nil},
		"where":       {1, 1, where, nil},
		"select":      {1, 1, project, nil},
		"repeat":      {1, 1, repeat, nil},
		"ofType":      {1, 1, nil, buildType},
		"is":          {1, 1, nil, buildType},
		"as":          {1, 1, nil, buildType},
		"single":      {0, 0, singleOf, nil},
		"first":       {0, 0, func(_ *running, in Collection, _ []step) (Collection, error) { return in[:min(1, len(in))], nil }, nil},
		"last":        {0, 0, func(_ *running, in Collection, _ []step) (Collection, error) { return in[max(0, len(in)-1):], nil }, nil},
		"tail":        {0, 0, func(_ *running, in Collection, _ []step) (Collection, error) { return in[min(1, len(in)):], nil }, nil},
		"skip":        {1, 1, skipSome, nil},
		"take":        {1, 1, takeSome, nil},
		"intersect":   {1, 1, intersect, nil},
		"exclude":     {1, 1, exclude, nil},
		"union":       {1, 1, withOther(union), nil},
		"combine":     {1, 2, withOther(combine), nil},
		"iif":         {2, 3, iif, nil},
		"aggregate":   {1, 2, aggregate, nil},
		"trace":       {1, 2, trace, nil},
		"not":         {0, 0, not, nil},
		"sort":        {0, 16, nil, buildSort},
		"children":    {0, 0, childrenOf, nil},
		"descendants": {0, 0, descendants, nil},
		"type":        {0, 0, typeOf, nil},
		"now":         {0, 0, now(dateTimeKind), nil},
		"today":       {0, 0, now(dateKind), nil},
		"timeOfDay":   {0, 0, now(timeKind), nil},
		"coalesce":    {1, 32, coalesce, nil},
	}
}

// now is the time that the environment says.
func now(k kind) call {
	return func(r *running, _ Collection, _ []step) (Collection, error) {
		if r.env.Now.IsZero() {
			return nil, nil
		}
		m := fromTime(r.env.Now)
		switch k {
		case dateKind:
			m = moment{sec: m.cutDay(), prec: toDay}
		case timeKind:
			m = moment{sec: m.sec - m.cutDay(), nano: m.nano, prec: toSecond, digits: 3}
		}
		return r.one(Value{kind: k, more: &extra{at: m}}), nil
	}
}

func exists(r *running, in Collection, args []step) (Collection, error) {
	if len(args) == 0 {
		return r.bool(len(in) > 0)
	}
	found := false
	buf := r.buf
	err := r.each(in, args[0], func(_ int, out Collection) error {
		ok, known, err := truth(out)
		found = found || ok && known
		return err
	})
	r.buf = buf
	if err != nil {
		return nil, err
	}
	return r.bool(found)
}

func all(r *running, in Collection, args []step) (Collection, error) {
	every := true
	buf := r.buf
	err := r.each(in, args[0], func(_ int, out Collection) error {
		ok, known, err := truth(out)
		every = every && ok && known
		return err
	})
	r.buf = buf
	if err != nil {
		return nil, err
	}
	return r.bool(every)
}

// everyOne is allTrue, allFalse (every) and anyTrue, anyFalse.
func everyOne(want, every bool) call {
	return func(r *running, in Collection, _ []step) (Collection, error) {
		for i := range in {
			b, ok := in[i].Bool()
			if !ok {
				return nil, wrong("booleans are needed")
			}
			if (b == want) != every {
				return r.bool(!every)
			}
		}
		return r.bool(every)
	}
}

func where(r *running, in Collection, args []step) (Collection, error) {
	if len(in) == 0 {
		return nil, nil
	}
	var room [32]int32
	taken := room[:0]
	buf := r.buf
	err := r.each(in, args[0], func(i int, out Collection) error {
		ok, known, err := truth(out)
		if ok && known {
			taken = append(taken, int32(i))
		}
		r.buf = buf
		return err
	})
	r.buf = buf
	switch {
	case err != nil:
		return nil, err
	case len(taken) == len(in):
		return in, nil
	case len(taken) == 1:
		return in[taken[0] : taken[0]+1 : taken[0]+1], nil
	}
	out := r.start()
	for _, i := range taken {
		out = append(out, in[i])
	}
	return r.keep(out), nil
}

func project(r *running, in Collection, args []step) (Collection, error) {
	var all Collection
	err := r.each(in, args[0], func(i int, out Collection) error {
		if i == 0 {
			all = out[:len(out):len(out)]
			return nil
		}
		all = append(all, out...)
		if len(all) > maxItems {
			return ErrLimit
		}
		return r.count(len(out))
	})
	return all, err
}

// repeat goes on into what it finds, until it finds nothing new.
func repeat(r *running, in Collection, args []step) (Collection, error) {
	var all Collection
	seen := &set{}
	for fresh := in; len(fresh) > 0; {
		var found Collection
		err := r.each(fresh, args[0], func(_ int, out Collection) error {
			for i := range out {
				if seen.add(&out[i]) {
					found = append(found, out[i])
				}
			}
			return r.count(seen.cost())
		})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		fresh = found
	}
	return all, nil
}

func iif(r *running, in Collection, args []step) (Collection, error) {
	if len(in) > 1 {
		return nil, wrong("one value is needed, there are %d", len(in))
	}
	this := r.this
	defer func() { r.this = this }()
	r.this = in
	out, err := args[0](r, in)
	if err != nil {
		return nil, err
	}
	yes := false
	if len(out) > 0 {
		v, err := single(out)
		if err != nil {
			return nil, err
		}
		var ok bool
		if yes, ok = v.Bool(); !ok {
			return nil, wrong("the condition must be a boolean")
		}
	}
	switch {
	case yes:
		return args[1](r, in)
	case len(args) == 3:
		return args[2](r, in)
	}
	return nil, nil
}

func aggregate(r *running, in Collection, args []step) (Collection, error) {
	before := r.total
	defer func() { r.total = before }()
	r.total = nil
	if len(args) == 2 {
		start, err := r.arg(args[1])
		if err != nil {
			return nil, err
		}
		r.total = start
	}
	err := r.each(in, args[0], func(_ int, out Collection) error {
		r.total = out
		return r.count(len(out))
	})
	return r.total, err
}

func trace(r *running, in Collection, args []step) (Collection, error) {
	if r.env.Trace == nil {
		return in, nil
	}
	name, _, err := r.text(args[0])
	if err != nil {
		return nil, err
	}
	shown := in
	if len(args) == 2 {
		if shown, err = project(r, in, args[1:]); err != nil {
			return nil, err
		}
	}
	r.env.Trace(name, shown)
	return in, nil
}

func not(r *running, in Collection, _ []step) (Collection, error) {
	b, known, err := truth(in)
	if err != nil || !known {
		return nil, err
	}
	return r.bool(!b)
}

func singleOf(_ *running, in Collection, _ []step) (Collection, error) {
	if len(in) > 1 {
		return nil, wrong("one value is needed, there are %d", len(in))
	}
	return in, nil
}

func coalesce(r *running, _ Collection, args []step) (Collection, error) {
	for _, a := range args {
		if out, err := r.arg(a); err != nil || len(out) > 0 {
			return out, err
		}
	}
	return nil, nil
}

func skipSome(r *running, in Collection, args []step) (Collection, error) {
	n, ok, err := r.integer(args[0])
	if err != nil || !ok {
		return nil, err
	}
	return in[min(max(n, 0), int64(len(in))):], nil
}

func takeSome(r *running, in Collection, args []step) (Collection, error) {
	n, ok, err := r.integer(args[0])
	if err != nil || !ok {
		return nil, err
	}
	return in[:min(max(n, 0), int64(len(in)))], nil
}
