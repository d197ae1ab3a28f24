package account

import "strings"

// Device says in plain words what a User-Agent header names: “Safari on
// iPhone”. It is for people to recognise their devices by, not to trust.
func Device(userAgent string) string {
	browser := first(userAgent, "a browser",
		"Edg", "Edge", "OPR/", "Opera", "SamsungBrowser", "Samsung Internet", "Firefox/", "Firefox", "FxiOS", "Firefox",
		"CriOS", "Chrome", "Chrome/", "Chrome", "Safari/", "Safari")
	system := first(userAgent, "",
		"iPhone", "iPhone", "iPad", "iPad", "Android", "Android", "CrOS", "Chromebook", "Windows", "Windows", "Macintosh", "Mac", "Linux", "Linux")
	if system == "" {
		return browser
	}
	return browser + " on " + system
}

// first returns the name after the first mark that text holds.
func first(text, otherwise string, pairs ...string) string {
	for i := 0; i+1 < len(pairs); i += 2 {
		if strings.Contains(text, pairs[i]) {
			return pairs[i+1]
		}
	}
	return otherwise
}
