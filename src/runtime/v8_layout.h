/* v8_layout.h: where V8 keeps what is read of its frames and objects.
 *
 * Owns the constants: most of them the binary exports for debuggers (v8dbg_*), few are a table by
 * version of V8.  Must not know a process's objects.  Offsets are in bytes; those of objects count
 * from the object's first byte, not from the tagged pointer to it.
 */
#ifndef STALLPROF_RUNTIME_V8_LAYOUT_H
#define STALLPROF_RUNTIME_V8_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/control.h"
#include "target/elf_query.h"

/* Constants of the binary: X(field, needed, name without v8dbg_). */
#define V8_CONSTANTS(X) \
	X(fp_context, 1, "off_fp_context_or_frame_type") \
	X(fp_function, 1, "off_fp_function") \
	X(fp_bytecode_off, 1, "off_fp_bytecode_offset") \
	X(smi_shift, 1, "SmiShiftSize") \
	X(tagged_size, 1, "TaggedSize") \
	X(offset_register, 0, "InterpreterBytecodeOffsetRegister") \
	X(object_map, 1, "class_HeapObject__map__Map") \
	X(map_type, 1, "class_Map__instance_type__uint16_t") \
	X(function_shared, 1, "class_JSFunction__shared__SharedFunctionInfo") \
	X(shared_name, 1, "class_SharedFunctionInfo__name_or_scope_info__Object") \
	X(shared_script, 1, "class_SharedFunctionInfo__script_or_debug_info__HeapObject") \
	X(shared_length, 1, "class_SharedFunctionInfo__length__uint16_t") \
	X(shared_flags, 1, "class_SharedFunctionInfo__flags__int") \
	X(script_source, 1, "class_Script__source__Object") \
	X(script_name, 1, "class_Script__name__Object") \
	X(script_line_ends, 1, "class_Script__line_ends__Object") \
	X(script_eval_from, 0, "class_Script__eval_from_shared_or_wrapped_arguments__Object") \
	X(string_length, 1, "class_String__length__int32_t") \
	X(string_chars, 1, "class_SeqOneByteString__chars__char") \
	X(cons_first, 1, "class_ConsString__first__String") \
	X(cons_second, 1, "class_ConsString__second__String") \
	X(sliced_parent, 1, "class_SlicedString__parent__String") \
	X(sliced_offset, 1, "class_SlicedString__offset__SMI") \
	X(thin_actual, 1, "class_ThinString__actual__String") \
	X(external_resource, 1, "class_ExternalString__resource__Object") \
	X(array_length, 1, "class_FixedArrayBase__length__SMI") \
	X(array_data, 1, "class_FixedArray__data__uintptr_t") \
	X(bytecode_data, 1, "class_BytecodeArray__data__uintptr_t") \
	X(scope_locals, 1, "scopeinfo_idx_ncontextlocals") \
	X(scope_first, 1, "scopeinfo_idx_first_vars") \
	X(not_string, 1, "FirstNonstringType") \
	X(type_function, 1, "type_JSFunction__JS_FUNCTION_TYPE") \
	X(type_shared, 1, "type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE") \
	X(type_script, 1, "type_Script__SCRIPT_TYPE") \
	X(type_scope, 1, "type_ScopeInfo__SCOPE_INFO_TYPE") \
	X(type_map, 1, "type_Map__MAP_TYPE") \
	X(type_array, 1, "type_FixedArray__FIXED_ARRAY_TYPE") \
	X(type_bytes, 1, "type_ByteArray__BYTE_ARRAY_TYPE") \
	X(type_trusted_bytes, 0, "type_TrustedByteArray__TRUSTED_BYTE_ARRAY_TYPE") \
	X(type_bytecode, 1, "type_BytecodeArray__BYTECODE_ARRAY_TYPE") \
	X(type_code, 1, "type_Code__CODE_TYPE") \
	X(type_free, 0, "type_FreeSpace__FREE_SPACE_TYPE") \
	X(type_instructions, 0, "type_InstructionStream__INSTRUCTION_STREAM_TYPE") \
	X(frame_entry, 1, "frametype_EntryFrame") \
	X(frame_construct_entry, 1, "frametype_ConstructEntryFrame") \
	X(frame_exit, 1, "frametype_ExitFrame") \
	X(frame_builtin_exit, 1, "frametype_BuiltinExitFrame") \
	X(frame_internal, 1, "frametype_InternalFrame") \
	X(frame_construct, 1, "frametype_ConstructFrame") \
	X(frame_regexp, 0, "frametype_IrregexpFrame") \
	X(kind_mask, 1, "CodeKindFieldMask") \
	X(kind_baseline, 1, "CodeKindBaseline")

/* What other versions call some of them: X(field, name). */
#define V8_OTHER_NAMES(X) \
	X(shared_name, "class_SharedFunctionInfo__name_or_scope_info__Tagged_Object_") \
	X(shared_name, "class_SharedFunctionInfo__name_or_scope_info__Tagged_NameOrScopeInfoT_") \
	X(shared_script, "class_SharedFunctionInfo__script__Tagged_HeapObject_") \
	X(script_eval_from, "class_Script__eval_from_shared_or_wrapped_arguments__Tagged_Object_") \
	X(script_eval_from, \
	  "class_Script__eval_from_shared_or_wrapped_arguments_or_sfi_table__Object")

/* What is not exported, by version of V8; found in src/objects/{code,bytecode-array,
 * shared-function-info}* of that version.  Used only for lines of code. */
struct v8_private {
	uint16_t major, minor;
	uint16_t shared_data; /* SharedFunctionInfo -> bytecode, or Code of the baseline compiler;
			       * a Smi for a builtin */
	uint16_t bytecode_positions; /* BytecodeArray -> table of source positions */
	uint16_t code_bytecode;	     /* Code of the baseline compiler -> BytecodeArray */
	uint16_t code_positions;
	/* of optimised code, in the same place as the bytecode: an array, whose elements of these
	 * numbers are the places that functions were inlined at, and the functions */
	uint8_t inlined_at, inlined_functions;
	uint16_t code_start; /* address of the first instruction; 0: they follow the Code itself */
	uint16_t code_flags;
	uint16_t code_size; /* of the instructions */
	uint16_t header;    /* bytes before the instructions in the object that holds them */
	uint16_t code;	    /* that object -> Code; 0: it is the Code itself */
};

#define V8_STRING_HASH	 8   /* in a string, right before its length */
#define V8_BYTECODES_MAX 256 /* of one operand scale */
#define V8_VERSION_MAX	 24

struct v8_layout {
#define X(field, ...) int32_t field;
	V8_CONSTANTS(X)
#undef X
	uint16_t script_id;  /* Script -> its number, a Smi; 0: not known */
	uint32_t version[3]; /* of V8: major, minor, build */
	/* NULL: a version that is not known; names only */
	const struct v8_private *hidden;
	/* size of each bytecode with its operands, by scale; count 0: not known */
	uint32_t n_bytecodes;
	uint8_t bytecode_sizes[3][V8_BYTECODES_MAX];
	char node[V8_VERSION_MAX]; /* version of Node.js, "" not known */
	/* where the interpreter's calls return to, and its handlers of bytecodes */
	struct jit_code entry, handlers;
};

/* Where a process has the library, and how to read it.  memory: all of it: 0 or -EFAULT, -ESRCH. */
typedef int v8_read_fn(const void *memory, uint64_t addr, void *buf, size_t len);

/* The names to ask of the file, NULL at the end: at most ELF_QUERY_MAX. */
const char *const *v8_layout_names(void);

/* Fills the layout from the answer: every constant is read at bias + its symbol.  0; -ENOENT: no V8
 * in this file; -EPROTO: one that is not supported, *ret_why (static) says why; the errors of
 * read. */
int v8_layout_read(struct v8_layout *l, const struct elf_symbol *symbols, uint64_t bias,
		   v8_read_fn *read, const void *memory, const char **ret_why);

#endif
