package enablement

import (
	"strings"
	"sync"

	"github.com/biter777/countries"
)

// stateOf tells whether the country has the state, written ARG-B or B (upstream has both). Where no states of the
// country are known, it may have any.
func stateOf(state, country string) bool {
	known := states()[country]
	return known == nil || known[strings.TrimPrefix(state, country+"-")]
}

// states are the codes of ISO 3166-2 without their country's, by the country's alpha-3 code. They are many, so
// they are sorted out when the first is asked for. Codes that the standard withdrew stay: addresses have them.
var states = sync.OnceValue(func() map[string]map[string]bool {
	codes := make(map[string]map[string]bool)
	add := func(country, code string) {
		if codes[country] == nil {
			codes[country] = make(map[string]bool)
		}
		codes[country][code] = true
	}
	for _, s := range countries.AllSubdivisions() {
		_, code, _ := strings.Cut(string(s), "-")
		add(s.Country().Alpha3(), code)
	}
	for country, more := range moreStates {
		for code := range strings.FieldsSeq(more) {
			add(country, code)
		}
	}
	return codes
})

// moreStates are the codes that the library has not: those of the last ten years, and some that it forgot. Without
// them nobody who lives there could be a client.
var moreStates = map[string]string{
	"ARG": "F",
	"BDI": "MY RM",
	"BHS": "NP",
	"BWA": "CH FR GA JW LO SP ST",
	"CHL": "NB",
	"CIV": "AB BS CM DN GD LC LG MG SM SV VB WR YM ZZ",
	"COD": "BU HK HL HU IT KC KG KL KS LO LU MN MO NU SA SU TA TO TU",
	"COG": "16",
	"CUB": "15 16",
	"DMA": "11",
	"DOM": "31 32 33 34 35 36 37 38 39 40 41 42",
	"DZA": "49 50 51 52 53 54 55 56 57 58",
	"EGY": "LX",
	"EST": "130 141 142 171 184 191 198 205 214 245 247 251 255 272 283 284 291 293 296 303 305 317 321 338 353 424 " +
		"430 431 432 441 442 446 45 478 480 486 50 503 511 514 52 528 557 56 567 586 60 615 618 622 624 638 64 651 653 " +
		"661 663 668 68 689 698 708 71 712 714 719 726 732 735 784 79 792 793 796 803 809 81 824 834 855 87 890 897 899 " +
		"901 903 907 917 919 928",
	"ETH": "SI SW",
	"FJI": "01 02 03 04 05 06 07 08 09 10 11 12 13 14",
	"FRA": "20R 69M 6AE 75C 971 972 973 974 976",
	"GBR": "BCP NNH WNH",
	"GHA": "AF BE BO NE OT SV WN",
	"GNQ": "DJ",
	"GRL": "AV QT",
	"GTM": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22",
	"HTI": "NI",
	"IDN": "KU PD PE PP PS PT",
	"IND": "CG DH LA OD TS UK",
	"IRN": "00 09",
	"IRQ": "KI KR SU",
	"ISL": "AKH AKN AKU ARN ASA BFJ BLA BLO BOG BOL DAB DAV DJU EOM EYF FJD FJL FLA FLD FLR GAR GOG GRN GRU GRY HAF " +
		"HEL HRG HRU HUG HUT HUV HVA HVE ISA KAL KJO KOP LAN MOS MUL MYR NOR RGE RGY RHH RKN RKV SBH SBT SDN SDV SEL " +
		"SEY SFA SHF SKF SKG SKO SKR SKU SNF SOG SOL SSF SSS STR STY SVG TAL THG TJO VEM VER VOP",
	"ITA": "SU",
	"KAZ": "10 11 15 19 23 27 31 33 35 39 43 47 55 59 61 62 63 71 75 79 SHY",
	"KGZ": "GO",
	"KHM": "25",
	"KOR": "50",
	"LBR": "GP RG",
	"LTU": "01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 " +
		"36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60",
	"LUX": "CA CL DI EC ES GR LU ME RD RM VD WI",
	"LVA": "111 112 113",
	"MHL": "WTH",
	"MKD": "101 102 103 104 105 106 107 108 109 201 202 203 204 205 206 207 208 209 210 211 301 303 304 307 308 310 " +
		"311 312 313 401 402 403 404 405 406 407 408 409 410 501 502 503 504 505 506 507 508 509 601 602 603 604 605 " +
		"606 607 608 609 701 702 703 704 705 706 801 802 803 804 805 806 807 808 809 810 811 812 813 814 815 816 817",
	"MLI": "10 9 BKO",
	"MMR": "18",
	"MNE": "22 23 24 25",
	"MRT": "13 14 15",
	"MUS": "RR",
	"NAM": "KE KW",
	"NOR": "30 31 32 33 34 38 39 40 42 46 54 55 56",
	"NPL": "P1 P2 P3 P4 P5 P6 P7",
	"OMN": "BJ BS SJ SS",
	"PAN": "10 NT",
	"PHL": "DVO MGN MGS",
	"PNG": "HLA JWK",
	"POL": "02 04 06 08 10 12 14 16 18 20 22 24 26 28 30 32",
	"PRK": "14 15",
	"QAT": "SH",
	"SDN": "GK",
	"SLE": "NW",
	"STP": "01 02 03 04 05 06",
	"SVN": "212 213",
	"SYC": "26 27",
	"TCD": "EE EO",
	"THA": "38",
	"TJK": "DU RA",
	"TTO": "MRC TOB",
	"TWN": "KIN LIE NWT",
	"TZA": "27 28 29 30 31",
	"UGA": "117 118 119 120 121 122 123 124 125 126 225 226 227 228 229 230 231 232 233 234 235 236 237 322 323 324 " +
		"325 326 327 328 329 330 331 332 333 334 335 336 337 420 421 422 423 424 425 426 427 428 429 430 431 432 433 " +
		"434 435",
	"YEM": "HU SA SU",
	"ZAF": "GP KZN",
	"ZMB": "10",
}
