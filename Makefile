# Builds ./stallprof and runs everything that checks it; CONTRIBUTING.md says which target does what.
# Sources are found by pattern, dependencies by the compiler: a new file needs no line here.
# Several builds live side by side: `make B=build-debug SANITIZE=address,undefined`.

B     ?= build
V     ?= 0
CLANG ?= clang
PATH  := $(PATH):/usr/sbin:/sbin
PREFIX ?= /usr/local
SANITIZE ?=
FUZZ_SECONDS ?= 5
UNWIND_ROOTS ?= /usr/bin /usr/sbin /usr/lib

LIBS := libbpf libelf libdw zlib liblzma jansson libseccomp libcap
LIBBPF_CFLAGS ?= $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
LIBBPF_LIBS   ?= $(shell pkg-config --libs $(LIBS) 2>/dev/null) -liberty
CFLAGS   ?= -O2 -g
# clang objects to the { NULL } that ends a table, which gcc allows.
WARNINGS := -Wall -Wextra -Werror -Wmissing-prototypes -Wno-missing-field-initializers
override CFLAGS += -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -Isrc -I. -I$(B) $(LIBBPF_CFLAGS)
BPF_CFLAGS := -target bpf -O2 -g -mcpu=v3 -Wall -Werror -D__TARGET_ARCH_x86 -Ivmlinux/x86 -I.
ifneq ($(SANITIZE),)
override CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=undefined -fno-omit-frame-pointer
override LDFLAGS += -fsanitize=$(SANITIZE:fuzzer-no-link%=fuzzer%)
endif
ifeq ($(V),0)
Q := @
say = @printf '  %-6s %s\n' $(1) $@;
endif

find = $(sort $(shell find $(1) -name '$(2)' 2>/dev/null))
MAIN      := $(wildcard src/main.c)
SOURCES   := $(filter-out $(MAIN),$(call find,src,*.c))
OBJECTS   := $(SOURCES:%.c=$(B)/%.o)
LIBRARY   := $(B)/libstallprof.a
SKELETONS := $(patsubst bpf/%.bpf.c,$(B)/%.skel.h,$(wildcard bpf/*.bpf.c))
UNIT      := $(patsubst %.c,$(B)/%,$(call find,tests/unit,test_*.c))
BPF_TESTS := $(patsubst %.c,$(B)/%,$(call find,tests/bpf,test_*.c))
BPF_TEST_SKELETONS := $(patsubst %.bpf.c,$(B)/%.skel.h,$(call find,tests/bpf,*.bpf.c))
HEADERS   := $(call find,src bpf,*.h)
FUZZERS   := $(patsubst %.c,$(B)/%,$(call find,tests/fuzz,fuzz_*.c))
SUPPORT   := $(patsubst %.c,$(B)/%,$(call find,tests/support,*.c))

.PHONY: all demo test unit bpf-test golden golden-record e2e fuzz check headers format bench install man clean
.PHONY: unit-programs bpf-test-programs fuzz-programs support-programs vm-test unwind-rows FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(if $(MAIN),stallprof,$(LIBRARY)) ; @:

# The last build made is the one at the top; renamed into place, it may be running.
stallprof: $(B)/stallprof FORCE
	@cmp -s $< $@ || { cp $< $@.new && mv $@.new $@; }

$(B)/stallprof: $(B)/src/main.o $(LIBRARY)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBBPF_LIBS)

$(LIBRARY): $(OBJECTS)
	$(call say,AR)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(B)/%.o: %.c | $(SKELETONS) $(BPF_TEST_SKELETONS)
	$(call say,CC)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/bpf/%.o: override CFLAGS += -I$(B)/tests/bpf
# The fuzzing engine calls its entry point without a prototype.
$(B)/tests/fuzz/%.o: override CFLAGS += -Wno-missing-prototypes

$(B)/%.bpf.o: %.bpf.c
	$(call say,BPF)
	$(Q)mkdir -p $(@D) && $(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/%.skel.h: $(B)/bpf/%.bpf.o
	$(call say,SKEL)
	$(Q)bpftool gen skeleton $< name $(*F)_bpf >$@

$(B)/tests/bpf/%.skel.h: $(B)/tests/bpf/%.bpf.o
	$(call say,SKEL)
	$(Q)bpftool gen skeleton $< name $(*F)_bpf >$@

$(UNIT) $(BPF_TESTS): %: %.o $(LIBRARY)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBBPF_LIBS)

$(FUZZERS) $(SUPPORT): %: %.o $(LIBRARY)
	$(call say,LINK)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBBPF_LIBS)

# stallprof itself, with a look at what goes into one of its functions.
$(B)/tests/support/bodies: $(B)/src/main.o
$(B)/tests/support/bodies: override LDFLAGS += -Wl,--wrap=resolver_stack

unit-programs: $(UNIT) ; @:
bpf-test-programs: $(BPF_TESTS) ; @:
fuzz-programs: $(FUZZERS) ; @:
support-programs: $(SUPPORT) ; @:

# Unit tests are always built with sanitizers, in a folder of their own.
SANITIZED = $(MAKE) --no-print-directory B=$(B)/asan SANITIZE=address,undefined

unit:
	@$(SANITIZED) unit-programs
	@tools/run-cmocka.sh unit $(UNIT:$(B)/%=$(B)/asan/%)

# Without: their targets are timed, and a sanitized reader of symbols and tables takes ten times as
# long over them; what it reads is tested by the others.
bpf-test:
	@$(MAKE) --no-print-directory B=$(B) bpf-test-programs
	@tools/as-root.sh bpf-test env AGAIN=3 tools/run-cmocka.sh bpf-test $(BPF_TESTS)

golden golden-record: all
	@B=$(B) tools/run-if-present.sh golden tests/golden/run.sh $(if $(filter %-record,$@),record,check)

e2e: all support-programs
	@B=$(B) tools/as-root.sh e2e tools/run-if-present.sh e2e tests/e2e/run.py

# The long form of a case of e2e: every file below UNWIND_ROOTS, about 10 minutes on two processors.
unwind-rows: $(B)/tests/support/unwind_rows
	@tests/e2e/unwind_truth.py $< $(UNWIND_ROOTS)

fuzz:
	@$(MAKE) --no-print-directory B=$(B)/fuzz CC=$(CLANG) \
		SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
	@tools/run-fuzz.sh $(FUZZ_SECONDS) $(FUZZERS:$(B)/%=$(B)/fuzz/%)

check:
	@B=$(B) MAKE="$(MAKE)" tools/check.sh

# Every header must compile alone, so that the order of includes never matters.
headers: $(HEADERS:%=$(B)/headers/%) ; @:

format:
	clang-format -i $(call find,bpf src tests,*.[ch])

# Those of the kernel side come after the kernel's types and libbpf's helpers, as in every object.
BPF_PRELUDE := vmlinux.h $(addprefix bpf/bpf_,helpers.h core_read.h tracing.h)

$(B)/headers/bpf/%.h: bpf/%.h
	$(call say,HEADER)
	$(Q)mkdir -p $(@D) && echo '#include "$<"' | $(CLANG) $(BPF_CFLAGS) -Wno-unused-function \
		$(addprefix -include ,$(BPF_PRELUDE)) -MMD -MF $@.d -MT $@ -c -o $@ -x c -

$(B)/headers/%.h: %.h | $(SKELETONS)
	$(call say,HEADER)
	$(Q)mkdir -p $(@D) && echo '#include "$<"' | \
		$(CC) $(CFLAGS) -MMD -MF $@.d -MT $@ -c -o $@ -x c -

bench: all support-programs
	tools/bench/run.sh

vm-test: all bpf-test-programs
	tools/vm/run.sh

# The two commands of the README.  Set-up may install what pkg-config is asked for above, so that
# what follows is a make of its own.
test:
	@tools/setup.sh test
	@B=$(B) MAKE="$(MAKE)" tools/test.sh

demo:
	@tools/setup.sh demo
	@$(MAKE) --no-print-directory all
	@B=$(B) tools/as-root.sh --must demo tests/demo/run.sh

man: all
	@if ./stallprof --help-man 2>/dev/null >$(B)/stallprof.1.new && \
	   grep -q '^\.TH' $(B)/stallprof.1.new; then \
		mv $(B)/stallprof.1.new $(B)/stallprof.1; \
	else rm -f $(B)/stallprof.1.new; echo "no manual page in this build"; fi

install: all man
	install -D -m 755 stallprof $(DESTDIR)$(PREFIX)/bin/stallprof
	if [ -e $(B)/stallprof.1 ]; then \
		install -D -m 644 $(B)/stallprof.1 $(DESTDIR)$(PREFIX)/share/man/man1/stallprof.1; fi

clean:
	rm -rf $(B) stallprof

-include $(shell find $(B)/src $(B)/bpf $(B)/tests $(B)/headers -name '*.d' 2>/dev/null)
