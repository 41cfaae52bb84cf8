# mp: build, test, install. Parallel-safe; everything built lands in $(BUILD).
#   make                the programs, in build/bin
#   make check          the tests (share/check.sh installs what they need first)
#   make install        PREFIX and DESTDIR are honoured
# The user's CPPFLAGS, CFLAGS, LDFLAGS and LDLIBS come last.  CI=1 makes
# warnings errors.

VERSION   = 0.1.0
BUILD     = build
PREFIX    = /usr/local
BINDIR    = $(PREFIX)/bin
DATADIR   = $(PREFIX)/share/mp
MANDIR    = $(PREFIX)/share/man
PKGCONFIG = pkg-config
PACKAGES  = libsodium libcrypto sqlite3 jansson
NETPKGS   = libcurl libmicrohttpd libevent_core
CC        = cc
CLANG     = clang
.DEFAULT_GOAL = all

# What the user gave comes last; a hardening flag that he or a distribution
# gives already is not given twice.
given     = $(CPPFLAGS) $(CFLAGS)
ifeq (,$(findstring _FORTIFY_SOURCE,$(given)))
ifeq (,$(findstring -O0,$(given))$(findstring -fsanitize,$(given)))
harden   += -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
endif
endif
ifeq (,$(findstring -fstack-protector,$(given)))
harden   += -fstack-protector-strong
endif
ifneq (,$(CI))
werror    = -Werror
endif

PC_CFLAGS := $(shell $(PKGCONFIG) --cflags $(PACKAGES) $(NETPKGS))
PC_LIBS   := $(shell $(PKGCONFIG) --libs $(PACKAGES) $(NETPKGS))

mp_cppflags = -D_GNU_SOURCE -DMP_VERSION='"$(VERSION)"' \
	-Ilibcommon -I$(BUILD)/gen $(PC_CFLAGS) $(CPPFLAGS)
mp_cflags   = -std=c11 -O2 -g -fPIE -pthread -fno-common -Wall -Wextra -Wconversion -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla $(werror) $(harden) $(CFLAGS)
mp_ldflags  = -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)
mp_ldlibs   = $(PC_LIBS) $(LDLIBS)

FLOORS   = base crypto wire store mariposa chat mesh otr net node
lib_src := $(sort $(wildcard $(FLOORS:%=libcommon/%/*.c)))
cmd_src := $(sort $(wildcard cmd/*.c))
unit_src := $(sort $(wildcard tests/unit/*.c))
tool_src := $(sort $(wildcard tests/tools/*.c))
sim_src := $(sort $(wildcard tests/sim/*.c))
meshsim_src := $(sort $(wildcard tests/sim/mesh/*.c)) tests/sim/rng.c
fuzz_src := $(sort $(wildcard tests/fuzz/*.c))
schemas  := $(patsubst libcommon/%.sql,$(BUILD)/gen/%.inc,$(wildcard libcommon/store/*.sql))
lib_obj := $(lib_src:%.c=$(BUILD)/%.o)
programs := $(cmd_src:cmd/%.c=$(BUILD)/bin/%)
unit_bin := $(unit_src:tests/unit/%.c=$(BUILD)/unit/%)
tool_bin := $(tool_src:tests/tools/%.c=$(BUILD)/tools/%)
sim_bin := $(BUILD)/sim/mariposa $(BUILD)/sim/mesh
replay_bin := $(fuzz_src:tests/fuzz/%.c=$(BUILD)/replay/%)
fuzz_bin := $(fuzz_src:tests/fuzz/%.c=$(BUILD)/fuzz/%)
fuzz_lib := $(lib_src:%.c=$(BUILD)/fuzz-lib/%.o)
fuzz_cflags = -std=c11 -O1 -g -pthread -fsanitize=address,undefined -fno-sanitize-recover=undefined

all: $(programs) $(BUILD)/bin/mp

# A schema is a file of its own, compiled in as a string.
$(BUILD)/gen/store/%.inc: libcommon/store/%.sql
	@mkdir -p $(@D)
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $< > $@.tmp && mv $@.tmp $@

$(BUILD)/libcommon/%.o: libcommon/%.c $(BUILD)/flags | $(schemas)
	@mkdir -p $(@D)
	$(CC) $(mp_cppflags) $(mp_cflags) -MMD -MP -c -o $@ $<

$(BUILD)/cmd/%.o: cmd/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) $(mp_cppflags) $(mp_cflags) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%.o: tests/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(CC) -Itests $(mp_cppflags) $(mp_cflags) -MMD -MP -c -o $@ $<

$(BUILD)/libcommon.a: $(lib_obj)
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

$(programs): $(BUILD)/bin/%: $(BUILD)/cmd/%.o $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(mp_cflags) $(mp_ldflags) -o $@ $< $(BUILD)/libcommon.a $(mp_ldlibs)

$(BUILD)/bin/mp: share/mp
	@mkdir -p $(@D)
	install -m 755 $< $@

$(BUILD)/unit/cover: mp_ldlibs += -lm
$(unit_bin): $(BUILD)/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(mp_cflags) $(mp_ldflags) -o $@ $< $(BUILD)/libcommon.a $(mp_ldlibs)

$(tool_bin): $(BUILD)/tools/%: $(BUILD)/tests/tools/%.o $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(mp_cflags) $(mp_ldflags) -o $@ $< $(BUILD)/libcommon.a $(mp_ldlibs) -lssl

$(BUILD)/sim/mariposa: $(sim_src:%.c=$(BUILD)/%.o) $(BUILD)/libcommon.a
$(BUILD)/sim/mesh: $(meshsim_src:%.c=$(BUILD)/%.o) $(BUILD)/libcommon.a

$(sim_bin):
	@mkdir -p $(@D)
	$(CC) $(mp_cflags) $(mp_ldflags) -o $@ $(filter %.o,$^) $(BUILD)/libcommon.a $(mp_ldlibs)

# A fuzz harness has LLVMFuzzerTestOneInput() only.  Replayed, it is linked
# with a main() that feeds it the files of its corpus.
$(replay_bin): $(BUILD)/replay/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/replay.o $(BUILD)/libcommon.a
	@mkdir -p $(@D)
	$(CC) $(mp_cflags) $(mp_ldflags) -o $@ $< $(BUILD)/tests/replay.o $(BUILD)/libcommon.a $(mp_ldlibs)

$(fuzz_lib): $(BUILD)/fuzz-lib/%.o: %.c | $(schemas)
	@mkdir -p $(@D)
	$(CLANG) $(mp_cppflags) $(fuzz_cflags) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(fuzz_bin): $(BUILD)/fuzz/%: tests/fuzz/%.c $(fuzz_lib)
	@mkdir -p $(@D)
	$(CLANG) -Itests $(mp_cppflags) $(fuzz_cflags) -fsanitize=fuzzer -o $@ $< $(fuzz_lib) $(mp_ldlibs)

# Objects are made again when the flags change.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(mp_cppflags) $(mp_cflags)' | cmp -s - $@ || \
		echo '$(CC) $(mp_cppflags) $(mp_cflags)' > $@

tests-build: all $(unit_bin) $(tool_bin) $(sim_bin) $(replay_bin)

check: tests-build
	BUILD='$(BUILD)' CI='$(CI)' MAKE='$(MAKE)' sh tests/run.sh

fuzz: $(fuzz_bin)
	BUILD='$(BUILD)' sh tests/fuzz.sh

soak: tests-build
	BUILD='$(BUILD)' sh tests/soak.sh

bench: tests-build
	BUILD='$(BUILD)' sh tests/bench/run.sh

demo: all
	MP_NO_INSTALL=1 sh share/demo.sh

install: all
	install -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DATADIR)' '$(DESTDIR)$(MANDIR)'/man1 \
		'$(DESTDIR)$(MANDIR)'/man5 '$(DESTDIR)$(MANDIR)'/man7
	install -m 755 $(programs) $(BUILD)/bin/mp '$(DESTDIR)$(BINDIR)'
	cd share && find hooks examples systemd completions -type d -exec install -d '$(DESTDIR)$(DATADIR)/{}' \; && \
		find hooks examples -type f -exec install -m 755 '{}' '$(DESTDIR)$(DATADIR)/{}' \; && \
		find completions -type f -exec install -m 644 '{}' '$(DESTDIR)$(DATADIR)/{}' \; && \
		find systemd -type f | while read -r f; do \
			sed 's|@BINDIR@|$(BINDIR)|g; s|@DATADIR@|$(DATADIR)|g' "$$f" > '$(DESTDIR)$(DATADIR)/'"$$f" && \
			chmod 644 '$(DESTDIR)$(DATADIR)/'"$$f" || exit 1; done
	for n in 1 5 7; do install -m 644 man/*.$$n '$(DESTDIR)$(MANDIR)'/man$$n || exit 1; done

uninstall:
	for p in $(notdir $(programs)) mp; do rm -f '$(DESTDIR)$(BINDIR)'/$$p; done
	for n in 1 5 7; do for m in man/*.$$n; do rm -f '$(DESTDIR)$(MANDIR)'/man$$n/$${m##*/}; done; done
	rm -rf '$(DESTDIR)$(DATADIR)'

format:
	clang-format -i $(lib_src) $(cmd_src) $(wildcard libcommon/*/*.h tests/*.[ch] tests/*/*.[ch])

clean:
	rm -rf '$(BUILD)'

FORCE:
.PHONY: all check fuzz soak bench demo install uninstall format clean tests-build FORCE
.SECONDARY:

-include $(lib_obj:.o=.d) $(cmd_src:%.c=$(BUILD)/%.d) $(unit_src:%.c=$(BUILD)/%.d) \
	$(tool_src:%.c=$(BUILD)/%.d) $(fuzz_src:%.c=$(BUILD)/%.d) $(sim_src:%.c=$(BUILD)/%.d) \
	$(meshsim_src:%.c=$(BUILD)/%.d) $(fuzz_lib:.o=.d)
