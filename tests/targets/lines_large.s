/* lines_large.s: debug information that takes long to open: UNITS empty units.
 *
 * Linked to another program, whose own units come first or last, it makes the first answer about
 * any of its lines late.  Assembled with --defsym UNITS=N.
 */
	.section .debug_abbrev,"",@progbits
.Labbrev:
	.byte 1, 0x11, 0	/* unit: low, high */
	.byte 0x11, 1, 0x12, 7, 0, 0
	.byte 0
	.section .debug_info,"",@progbits
	.rept UNITS
	.long 24		/* bytes that follow */
	.short 4
	.long .Labbrev
	.byte 8
	.byte 1
	.quad 0x700000000000, 16
	.endr
	.section .note.GNU-stack,"",@progbits
