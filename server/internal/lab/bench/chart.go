package main

import (
	"fmt"
	"html"
	"strings"
)

// Sizes of the chart, in pixels.
const (
	lineHeight = 26
	labelWidth = 250
	barsWidth  = 520
	goalAt     = barsWidth / 2 // a goal that is met to the point
	top        = 44
)

// chart draws results as bars. A bar is as long as its goal is met: to the line, and beyond where the figure is better.
func chart(results []result) string {
	var b strings.Builder
	height := top + lineHeight*len(results) + 12
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n",
		labelWidth+barsWidth+20, height)
	b.WriteString(`<rect width="100%" height="100%" fill="#ffffff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="%d" y="20" text-anchor="middle" fill="#333333">goal</text>`+"\n", labelWidth+goalAt)
	for i, r := range results {
		y := top + lineHeight*i
		color := "#2b8a3e"
		if !r.OK {
			color = "#c2410c"
		}
		width := min(r.fulfilment()*goalAt, barsWidth)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end" fill="#333333">%s</text>`+"\n", labelWidth-8, y+13, html.EscapeString(r.label()))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="17" fill="%s"/>`+"\n", labelWidth, y, width, color)
	}
	fmt.Fprintf(&b, `<line x1="%[1]d" y1="28" x2="%[1]d" y2="%[2]d" stroke="#333333" stroke-dasharray="4 3"/>`+"\n", labelWidth+goalAt, height-6)
	b.WriteString("</svg>\n")
	return b.String()
}

// label is the row with its value and its goal.
func (r result) label() string {
	row := r.Row
	if _, what, found := strings.Cut(r.Unit, "-"); found {
		row += " " + strings.ReplaceAll(what, "-", " ")
	}
	return fmt.Sprintf("%s  %.2f (%s)", row, r.Value, strings.TrimSpace(r.Goal))
}

// fulfilment is 1 where the value is the goal, and more where it is better.
func (r result) fulfilment() float64 {
	if r.bound == 0 || r.Value == 0 {
		return 0
	}
	if strings.HasPrefix(r.Goal, "≥") {
		return r.Value / r.bound
	}
	return r.bound / r.Value
}
