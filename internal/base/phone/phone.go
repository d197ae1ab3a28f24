// Package phone reads telephone numbers and says where they are.
//
// A Number is always E.164. A zone is given only where a number's area lies
// in one zone: a wrong hour is worse than an unknown one.
//
// Spec: ITU-T E.164
package phone

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"hale/internal/base/errs"
)

// Number is a telephone number as E.164 writes it: +13125550142.
type Number string

var errNumber = errs.New(errs.Invalid, "This is not a telephone number we can read. Please write it with its area code.")

// Parse reads text as somebody in region (US, MX, …) writes a number.
func Parse(text, region string) (Number, error) {
	n, err := parse(strings.TrimSpace(text), region)
	if err != nil {
		return "", errNumber.Because(err)
	}
	if !phonenumbers.IsPossibleNumber(n) {
		return "", errNumber
	}
	number := phonenumbers.Format(n, phonenumbers.E164)
	if again, err := parse(number, anywhere); err != nil || phonenumbers.Format(again, phonenumbers.E164) != number {
		return "", errNumber // rows of zeros lose some each time they are read: no one number is meant
	}
	return Number(number), nil
}

// anywhere stands for no region: the number names its country itself.
const anywhere = "ZZ"

// parse keeps to numbers that people write: no letters.
func parse(text, region string) (*phonenumbers.PhoneNumber, error) {
	if len(text) > 40 {
		return nil, errNumber
	}
	return phonenumbers.Parse(text, region)
}

// Last2 returns the last two digits, to name a number without telling it.
func (n Number) Last2() string {
	if len(n) < 2 {
		return ""
	}
	return string(n[len(n)-2:])
}

// Zone returns the IANA zone of the number's area, or "" where the area has
// none or several.
func (n Number) Zone() string {
	p, err := phonenumbers.Parse(string(n), anywhere)
	if err != nil {
		return ""
	}
	zones, err := phonenumbers.GetTimezonesForNumber(p)
	if err != nil || len(zones) != 1 || zones[0] == "Etc/Unknown" {
		return ""
	}
	return zones[0]
}

// Zones returns the IANA zones that the number's area may lie in, or none
// where that is not known.
func (n Number) Zones() []string {
	p, err := phonenumbers.Parse(string(n), anywhere)
	if err != nil {
		return nil
	}
	zones, err := phonenumbers.GetTimezonesForNumber(p)
	if err != nil || len(zones) == 1 && zones[0] == "Etc/Unknown" {
		return nil
	}
	return zones
}

// Mobile says whether the number may take texts. In North America a number
// does not tell; there every number may.
func (n Number) Mobile() bool {
	p, err := phonenumbers.Parse(string(n), anywhere)
	if err != nil {
		return false
	}
	switch phonenumbers.GetNumberType(p) {
	case phonenumbers.FIXED_LINE, phonenumbers.TOLL_FREE, phonenumbers.PREMIUM_RATE, phonenumbers.SHARED_COST, phonenumbers.UAN, phonenumbers.VOICEMAIL, phonenumbers.PAGER:
		return false
	}
	return true
}

// Region returns the ISO code of the country that a number is in, or "" where
// it is in none. A number of North America that no area has is taken for one
// of the United States.
func (n Number) Region() string {
	p, err := phonenumbers.Parse(string(n), anywhere)
	if err != nil {
		return ""
	}
	if region := phonenumbers.GetRegionCodeForNumber(p); region != "" && region != anywhere {
		return region
	}
	return phonenumbers.GetRegionCodeForCountryCode(int(p.GetCountryCode()))
}
