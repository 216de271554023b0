/* elf_symbols.c: the symbol tables of an ELF file; see elf.h. */
#include "target/elf_state.h"

#include <errno.h>
#include <string.h>

#include "base/str.h"

/* The symbol table section of that type, with its entry count cut to what is allowed. */
static Elf_Data *symbol_table(const struct elf_image *e, uint32_t type, size_t *ret_count,
			      size_t *ret_strings)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(e->elf, section))) {
		GElf_Shdr h;
		Elf_Data *data;

		if (!gelf_getshdr(section, &h) || h.sh_type != type)
			continue;
		if (h.sh_entsize != sizeof(Elf64_Sym) || h.sh_size > ELF_TABLE_MAX)
			return NULL;
		data = elf_getdata(section, NULL);
		if (!data || !data->d_buf)
			return NULL;
		*ret_count = data->d_size / sizeof(Elf64_Sym);
		if (*ret_count > ELF_SYMBOLS_MAX)
			*ret_count = ELF_SYMBOLS_MAX;
		*ret_strings = h.sh_link;
		return data;
	}
	return NULL;
}

static int find_in_table(const struct elf_image *e, uint32_t type, const char *name,
			 struct elf_symbol *ret)
{
	size_t count, strings, i;
	Elf_Data *data = symbol_table(e, type, &count, &strings);

	for (i = 0; data && i < count; i++) {
		GElf_Sym s;
		const char *text;

		if (!gelf_getsym(data, (int)i, &s) || s.st_shndx == SHN_UNDEF)
			continue;
		text = elf_strptr(e->elf, strings, s.st_name);
		if (text && strcmp(text, name) == 0) {
			*ret = (struct elf_symbol){ .value = s.st_value, .size = s.st_size };
			return 0;
		}
	}
	return -ENOENT;
}

int elf_image_symbol(const struct elf_image *e, const char *name, struct elf_symbol *ret_symbol)
{
	int r = find_in_table(e, SHT_DYNSYM, name, ret_symbol);

	return r == 0 ? 0 : find_in_table(e, SHT_SYMTAB, name, ret_symbol);
}

/* The names that are still looked for, by hash. */
struct wanted {
	const char *const *names;
	struct elf_symbol *symbols;
	uint16_t slots[ELF_NAMES_MAX * 2]; /* one more than the index; 0: free */
};

static size_t slot_of(const char *name)
{
	return hash_text(HASH_START, name) % (ELF_NAMES_MAX * 2);
}

static void wanted_init(struct wanted *w, const char *const *names, size_t count,
			struct elf_symbol *symbols)
{
	size_t i, at;

	memset(w, 0, sizeof(*w));
	w->names = names;
	w->symbols = symbols;
	for (i = 0; i < count; i++) {
		for (at = slot_of(names[i]); w->slots[at]; at = (at + 1) % (ELF_NAMES_MAX * 2))
			;
		w->slots[at] = (uint16_t)(i + 1);
	}
}

/* The first one of a name counts. */
static void find_wanted(const struct elf_image *e, uint32_t type, struct wanted *w)
{
	size_t count, strings, i, at;
	Elf_Data *data = symbol_table(e, type, &count, &strings);

	for (i = 0; data && i < count; i++) {
		const char *text;
		GElf_Sym s;

		if (!gelf_getsym(data, (int)i, &s) || s.st_shndx == SHN_UNDEF)
			continue;
		text = elf_strptr(e->elf, strings, s.st_name);
		for (at = text ? slot_of(text) : 0; text && w->slots[at];
		     at = (at + 1) % (ELF_NAMES_MAX * 2)) {
			struct elf_symbol *one = &w->symbols[w->slots[at] - 1];

			if (!one->value && strcmp(text, w->names[w->slots[at] - 1]) == 0)
				*one = (struct elf_symbol){ .value = s.st_value,
							    .size = s.st_size };
		}
	}
}

void elf_image_symbols(const struct elf_image *e, const char *const *names, size_t count,
		       struct elf_symbol *ret_symbols)
{
	struct wanted w;

	wanted_init(&w, names, count < ELF_NAMES_MAX ? count : ELF_NAMES_MAX, ret_symbols);
	find_wanted(e, SHT_DYNSYM, &w);
	find_wanted(e, SHT_SYMTAB, &w);
}

bool elf_image_has_symtab(const struct elf_image *e)
{
	size_t count, strings;

	return symbol_table(e, SHT_SYMTAB, &count, &strings) && count > 1;
}

static int each_in_table(const struct elf_image *e, uint32_t section,
			 int (*fn)(void *arg, const char *name, uint64_t value, uint64_t size),
			 void *arg)
{
	size_t count, strings, i;
	Elf_Data *data = symbol_table(e, section, &count, &strings);

	for (i = 0; data && i < count; i++) {
		const char *name;
		GElf_Sym s;
		int type, r;

		/* an absolute symbol does not move with the file: it is no place in it */
		if (!gelf_getsym(data, (int)i, &s) || s.st_shndx == SHN_UNDEF ||
		    s.st_shndx == SHN_ABS)
			continue;
		type = GELF_ST_TYPE(s.st_info);
		if (type != STT_FUNC && type != STT_GNU_IFUNC)
			continue;
		name = elf_strptr(e->elf, strings, s.st_name);
		if (!name || !*name)
			continue;
		r = fn(arg, name, s.st_value, s.st_size);
		if (r)
			return r;
	}
	return 0;
}

int elf_image_each_function(const struct elf_image *e,
			    int (*fn)(void *arg, const char *name, uint64_t value, uint64_t size),
			    void *arg)
{
	int r = each_in_table(e, SHT_DYNSYM, fn, arg);

	return r ? r : each_in_table(e, SHT_SYMTAB, fn, arg);
}
