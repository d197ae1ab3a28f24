package clinic

import (
	"fmt"
	"math"
	"regexp"
	"strconv"

	"hale/internal/base/errs"
)

// Colour is a colour by lightness (0 to 1), chroma and hue (degrees).
//
// Spec: CSS Color 4 §9.4, oklch(); B. Ottosson, "A perceptual color space for
// image processing", 2020, whose matrices these are
type Colour struct{ L, C, H float64 }

var (
	hexColour = regexp.MustCompile(`^#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})$`)
	cssColour = regexp.MustCompile(`^oklch\( *([0-9.]+) +([0-9.]+) +([0-9.]+) *\)$`)
)

// leastContrast is how much white letters must stand out on a button.
//
// Spec: WCAG 2.2 success criterion 1.4.3
const leastContrast = 4.5

// ParseColour reads #rrggbb and oklch(L C H), and refuses what white letters
// could not be read on.
func ParseColour(text string) (Colour, error) {
	var c Colour
	switch {
	case hexColour.MatchString(text):
		m := hexColour.FindStringSubmatch(text)
		var rgb [3]float64
		for i := range rgb {
			n, _ := strconv.ParseUint(m[i+1], 16, 8)
			rgb[i] = linear(float64(n) / 255)
		}
		c = ofLinear(rgb)
	case cssColour.MatchString(text):
		m := cssColour.FindStringSubmatch(text)
		var err error
		for i, v := range []*float64{&c.L, &c.C, &c.H} {
			if *v, err = strconv.ParseFloat(m[i+1], 64); err != nil || *v > 360 {
				return c, errColour
			}
		}
	default:
		return c, errColour
	}
	if c.OnWhite() < leastContrast {
		return c, errs.New(errs.Invalid, "White letters on this color are hard to read. Choose a darker one.")
	}
	return c, nil
}

var errColour = errs.New(errs.Invalid, "Write the color like #0a6b63.")

// CSS writes the colour as a style sheet takes it.
func (c Colour) CSS() string {
	f := func(v float64) string { return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64) }
	return "oklch(" + f(c.L) + " " + f(c.C) + " " + f(c.H) + ")"
}

// Hex writes the colour as #rrggbb, the nearest that screens of all kinds show.
func (c Colour) Hex() string {
	rgb := c.linear()
	var n [3]int
	for i, v := range rgb {
		n[i] = int(math.Round(255 * gamma(min(max(v, 0), 1))))
	}
	return fmt.Sprintf("#%02x%02x%02x", n[0], n[1], n[2])
}

// OnWhite is the contrast between the colour and white, from 1 to 21.
//
// Spec: WCAG 2.2, relative luminance and contrast ratio
func (c Colour) OnWhite() float64 {
	rgb := c.linear()
	for i, v := range rgb {
		rgb[i] = min(max(v, 0), 1)
	}
	return 1.05 / (0.2126*rgb[0] + 0.7152*rgb[1] + 0.0722*rgb[2] + 0.05)
}

func linear(v float64) float64 {
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

func gamma(v float64) float64 {
	if v <= 0.0031308 {
		return 12.92 * v
	}
	return 1.055*math.Pow(v, 1/2.4) - 0.055
}

func ofLinear(rgb [3]float64) Colour {
	r, g, b := rgb[0], rgb[1], rgb[2]
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	a := 1.9779984951*l - 2.4285922050*m + 0.4505937099*s
	bb := 0.0259040371*l + 0.7827717662*m - 0.8086757660*s
	h := math.Atan2(bb, a) * 180 / math.Pi
	if h < 0 {
		h += 360
	}
	return Colour{L: 0.2104542553*l + 0.7936177850*m - 0.0040720468*s, C: math.Hypot(a, bb), H: h}
}

// linear returns the colour as linear red, green and blue; outside 0 to 1
// where no screen of the common kind shows it.
func (c Colour) linear() [3]float64 {
	sin, cos := math.Sincos(c.H * math.Pi / 180)
	a, b := c.C*cos, c.C*sin
	cube := func(v float64) float64 { return v * v * v }
	l := cube(c.L + 0.3963377774*a + 0.2158037573*b)
	m := cube(c.L - 0.1055613458*a - 0.0638541728*b)
	s := cube(c.L - 0.0894841775*a - 1.2914855480*b)
	return [3]float64{
		4.0767416621*l - 3.3077115913*m + 0.2309699292*s,
		-1.2684380046*l + 2.6097574011*m - 0.3413193965*s,
		-0.0041960863*l - 0.7034186147*m + 1.7076147010*s,
	}
}
