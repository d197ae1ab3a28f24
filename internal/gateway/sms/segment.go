package sms

import (
	"strings"
	"unicode/utf16"
)

// The characters of GSM-7, each worth one septet, and those of its
// extension, worth two.
const (
	basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	extended = "\f^{}\\[~]|€"
)

// Segments returns how many text messages text is sent as: one of up to 160
// GSM-7 septets or 70 UTF-16 units, else parts of 153 or 67 that join again.
// No character is split over two.
func Segments(text string) int {
	if text == "" {
		return 0
	}
	var sizes []int
	if gsm7(text) {
		for _, r := range text {
			sizes = append(sizes, 1+strings.Count(extended, string(r)))
		}
		return parts(sizes, 160, 153)
	}
	for _, r := range text {
		sizes = append(sizes, max(1, utf16.RuneLen(r)))
	}
	return parts(sizes, 70, 67)
}

// gsm7 says whether text needs no character outside GSM-7.
func gsm7(text string) bool {
	for _, r := range text {
		if !strings.ContainsRune(basic, r) && !strings.ContainsRune(extended, r) {
			return false
		}
	}
	return true
}

// parts returns how many parts hold characters of these sizes.
func parts(sizes []int, alone, joined int) int {
	total := 0
	for _, n := range sizes {
		total += n
	}
	if total <= alone {
		return 1
	}
	count, used := 1, 0
	for _, n := range sizes {
		if used+n > joined {
			count, used = count+1, 0
		}
		used += n
	}
	return count
}
