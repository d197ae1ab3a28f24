package reach

import (
	"hale/internal/base/errs"
	"hale/internal/reach/policy"
)

var errVariants = errs.New(errs.Invalid, "Two to five texts are tried against each other, each with a letter of its own, and their shares make 100 % together.")

// checkVariants says what is wrong with the texts that are tried against each
// other, and takes none to give away less than the purpose does.
func (o *Outreach) checkVariants(p policy.Purpose) error {
	if len(o.Variants) == 0 {
		return nil
	}
	sum, seen := 0.0, map[string]bool{}
	for i := range o.Variants {
		v := &o.Variants[i]
		if v.Key == "" || len(v.Key) > 10 || seen[v.Key] || v.Share <= 0 || v.Share > 1 {
			return errVariants
		}
		seen[v.Key], sum = true, sum+v.Share
		v.Template.Sensitivity = max(v.Template.Sensitivity, p.Sensitivity, o.Template.Sensitivity)
		o.Template.Sensitivity = max(o.Template.Sensitivity, v.Template.Sensitivity)
	}
	if len(o.Variants) < 2 || len(o.Variants) > 5 || sum < 0.999 || sum > 1.001 {
		return errVariants
	}
	return nil
}
