package template

import (
	"fmt"
	"html"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Look is how a clinic's e-mails look: its colour, laid out once.
//
// The layout holds in clients that know tables and inline styles alone, in
// Outlook's, which is a word processor, and in the dark. It fetches nothing:
// the clinic's sign is made of letters.
type Look struct {
	Brand, Ink string // #rrggbb of signs and buttons, and of words on them
	frames     map[string]*frame
}

// frame is the layout in one language, cut where the values go.
type frame struct {
	head, label, preview, sign, name, title, body, foot, end string
}

// standard is Hale's own look.
var standard = NewLook("")

// NewLook returns the look of a clinic whose colour is brand: #rrggbb, or
// oklch(lightness chroma hue) as its style sheet has it. Anything else is
// Hale's own.
func NewLook(brand string) *Look {
	l := &Look{Brand: hex(brand), Ink: "#ffffff", frames: map[string]*frame{}}
	if contrast(l.Brand, "#ffffff") < 4.5 {
		l.Ink = "#161a18"
	}
	for _, tag := range []string{"en", "es"} {
		l.frames[tag] = l.frame(tag)
	}
	return l
}

// of returns the layout in a language.
func (l *Look) of(tag string) *frame {
	if f := l.frames[tag]; f != nil {
		return f
	}
	return l.frame(tag)
}

// direction is how a language is written.
func direction(tag string) string {
	switch base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base {
	case "ar", "fa", "he", "ur", "yi", "ps":
		return "rtl"
	}
	return "ltr"
}

const (
	face = `font-family:Verdana,Geneva,'DejaVu Sans',Arial,sans-serif`
	// Clients show the first words of a mail beside its subject, on locked
	// screens, too. After the words meant for that place come characters that
	// take room and show nothing, so that no other words do.
	filler = `&#847;&zwnj;&nbsp;`
	dark   = `@media (prefers-color-scheme:dark){.bg{background:#121614!important}.card{background:#1c211f!important}.t{color:#eef1ee!important}.m{color:#b9c1bc!important}.a{color:#9adfd0!important}}` +
		`[data-ogsb] .bg{background:#121614!important}[data-ogsb] .card{background:#1c211f!important}[data-ogsc] .t{color:#eef1ee!important}[data-ogsc] .m{color:#b9c1bc!important}[data-ogsc] .a{color:#9adfd0!important}` +
		`@media (max-width:620px){.card{padding:24px 20px!important}}`
)

func (l *Look) frame(tag string) *frame {
	tag = html.EscapeString(tag)
	dir := direction(tag)
	start := map[string]string{"ltr": "left", "rtl": "right"}[dir]
	return &frame{
		head: `<!doctype html><html lang="` + tag + `" dir="` + dir + `"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">` +
			`<meta name="x-apple-disable-message-reformatting"><meta name="format-detection" content="telephone=no,date=no,address=no,email=no,url=no">` +
			`<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">` +
			`<!--[if mso]><xml><o:OfficeDocumentSettings xmlns:o="urn:schemas-microsoft-com:office:office"><o:PixelsPerInch>96</o:PixelsPerInch></o:OfficeDocumentSettings></xml>` +
			`<style>td,p,a,h1,h2,li{font-family:Verdana,Arial,sans-serif!important}table{border-collapse:collapse}</style><![endif]-->` +
			`<style>:root{color-scheme:light dark}` + dark + `</style><title>`,
		label:   `</title></head><body class="bg" style="margin:0;padding:0;background:#faf8f4;-webkit-text-size-adjust:100%"><div role="article" aria-roledescription="email" lang="` + tag + `" dir="` + dir + `" aria-label="`,
		preview: `"><div style="display:none;max-height:0;max-width:0;overflow:hidden;opacity:0;mso-hide:all">`,
		sign: strings.Repeat(filler, 30) + `</div><table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" class="bg" style="background:#faf8f4"><tr><td align="center" style="padding:24px 12px">` +
			`<!--[if mso]><table role="presentation" width="600" cellpadding="0" cellspacing="0" border="0"><tr><td><![endif]-->` +
			`<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0" style="max-width:600px;margin:0 auto"><tr><td style="padding:0 4px 16px;text-align:` + start + `">` +
			`<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr>` + signStart + ` align="center" valign="middle" bgcolor="` + l.Brand + `" style="width:40px;height:40px;border-radius:10px;background:` + l.Brand + `;color:` + l.Ink + `;` + face + `;font-size:20px;font-weight:bold">`,
		name:  `</td><td class="t" style="padding:0 12px;color:#1f2421;` + face + `;font-size:17px;font-weight:bold">`,
		title: `</td></tr></table></td></tr><tr><td class="card t" bgcolor="#ffffff" style="background:#ffffff;border-radius:12px;padding:32px;color:#1f2421;` + face + `;font-size:17px;line-height:1.55;text-align:` + start + `"><h1 class="t" style="margin:0 0 16px;font-size:24px;line-height:1.25;color:#1f2421">`,
		body:  `</h1>`,
		foot:  `</td></tr><tr><td class="m" style="padding:20px 4px;color:#4c544f;` + face + `;font-size:14px;line-height:1.5;text-align:` + start + `">`,
		end:   `</td></tr></table><!--[if mso]></td></tr></table><![endif]--></td></tr></table></div></body></html>`,
	}
}

// writeButton adds an address as a button: one that Outlook draws, and one
// for all others.
func writeButton(b *strings.Builder, href, words, bg, ink string) {
	h, t := html.EscapeString(href), html.EscapeString(words)
	width := strconv.Itoa(max(200, min(520, 60+11*len([]rune(words)))))
	for _, s := range []string{
		`<table role="presentation" cellpadding="0" cellspacing="0" border="0" style="margin:8px 0 24px"><tr><td>`,
		`<!--[if mso]><v:roundrect xmlns:v="urn:schemas-microsoft-com:vml" xmlns:w="urn:schemas-microsoft-com:office:word" href="`, h,
		`" style="height:50px;v-text-anchor:middle;width:`, width, `px" arcsize="20%" stroke="f" fillcolor="`, bg, `"><w:anchorlock/><center style="color:`, ink,
		`;font-family:Verdana,sans-serif;font-size:17px;font-weight:bold">`, t, `</center></v:roundrect><![endif]--><!--[if !mso]><!--><a href="`, h,
		`" style="display:inline-block;padding:13px 24px;border-radius:10px;background:`, bg, `;color:`, ink, `;`, face,
		`;font-size:17px;font-weight:bold;text-decoration:none">`, t, `</a><!--<![endif]--></td></tr></table>`,
	} {
		b.WriteString(s)
	}
}

var (
	hexColour   = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	oklchColour = regexp.MustCompile(`^oklch\( *([0-9.]+)(%?) +([0-9.]+) +([0-9.]+) *\)$`)
)

// hex returns a colour as mail clients know it.
func hex(brand string) string {
	if hexColour.MatchString(brand) {
		return strings.ToLower(brand)
	}
	m := oklchColour.FindStringSubmatch(brand)
	if m == nil {
		return "#1d5b4f"
	}
	var v [3]float64
	for i, s := range []string{m[1], m[3], m[4]} {
		v[i], _ = strconv.ParseFloat(s, 64)
	}
	if m[2] == "%" {
		v[0] /= 100
	}
	sin, cos := math.Sincos(v[2] * math.Pi / 180)
	return srgb(v[0], v[1]*cos, v[1]*sin)
}

// srgb turns an OKLab colour into #rrggbb, cut at what screens show.
//
// Spec: CSS Color Module Level 4, section 10.9 and sample code for OKLab
func srgb(L, a, b float64) string {
	l := math.Pow(L+0.3963377774*a+0.2158037573*b, 3)
	m := math.Pow(L-0.1055613458*a-0.0638541728*b, 3)
	s := math.Pow(L-0.0894841775*a-1.2914855480*b, 3)
	linear := [3]float64{
		4.0767416621*l - 3.3077115913*m + 0.2309699292*s,
		-1.2684380046*l + 2.6097574011*m - 0.3413193965*s,
		-0.0041960863*l - 0.7034186147*m + 1.7076147010*s,
	}
	out := "#"
	for _, c := range linear {
		if c <= 0.0031308 {
			c *= 12.92
		} else {
			c = 1.055*math.Pow(c, 1/2.4) - 0.055
		}
		out += fmt.Sprintf("%02x", int(math.Round(255*max(0, min(1, c)))))
	}
	return out
}

// contrast is how far two colours are apart, from 1 to 21.
//
// Spec: WCAG 2.2, relative luminance
func contrast(a, b string) float64 {
	x, y := luminance(a)+0.05, luminance(b)+0.05
	return max(x, y) / min(x, y)
}

func luminance(colour string) float64 {
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, _ := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
