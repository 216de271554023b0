/* lines_hostile.s: debug information that goes in circles, and as many rows of lines as ROWS says.
 *
 * A function whose abstract origin is a function inlined in it, whose abstract origin is the first
 * one again; a variable that is its own sibling.  Assembled with --defsym ROWS=N by the tests, which
 * know `outer` and line 7.
 */
	.text
	.globl outer
	.type outer, @function
outer:	nop
	nop
	nop
	ret
	.size outer, .-outer
	.section .debug_abbrev,"",@progbits
	.byte 1, 0x11, 1	/* unit, has children */
	.byte 0x11, 1, 0x12, 7, 0x13, 5, 0x10, 0x17, 0, 0
	.byte 2, 0x2e, 1	/* function: low, high, abstract origin */
	.byte 0x11, 1, 0x12, 7, 0x31, 0x13, 0, 0
	.byte 3, 0x1d, 1	/* inlined: low, high, abstract origin, call file, call line */
	.byte 0x11, 1, 0x12, 7, 0x31, 0x13, 0x58, 0x0b, 0x59, 0x0b, 0, 0
	.byte 4, 0x34, 0	/* variable with a sibling */
	.byte 1, 0x13, 0, 0
	.byte 0
	.section .debug_info,"",@progbits
	.long 2f-1f
1:	.short 4
	.long 0
	.byte 8
	.byte 1
	.quad outer, 4
	.short 12
	.long 0
.La:	.byte 2
	.quad outer, 4
	.long .Lb-1b+4
.Lb:	.byte 3
	.quad outer, 4
	.long .La-1b+4
	.byte 1, 7
.Lc:	.byte 4
	.long .Lc-1b+4
	.byte 0
	.byte 0
	.byte 0
2:
	.section .debug_line,"",@progbits
	.long 4f-3f
3:	.short 4
	.long 6f-5f
5:	.byte 1, 1, 1, -5, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1
	.byte 0
	.asciz "x.c"
	.byte 0, 0, 0, 0
6:	.byte 0, 9, 2
	.quad outer
	.fill ROWS, 1, 1
	.byte 2, 4, 0, 1, 1
4:
