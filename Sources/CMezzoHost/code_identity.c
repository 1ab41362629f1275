#define _GNU_SOURCE
#include <stdbool.h>
#include <string.h>

#include "mezzo_host_support.h"

#if defined(__APPLE__)
#include <dlfcn.h>
#include <mach-o/loader.h>

int mezzo_code_identity(const void *address, uint8_t identity[MEZZO_CODE_BYTES]) {
  Dl_info info;
  memset(identity, 0, MEZZO_CODE_BYTES);
  if (dladdr(address, &info) == 0 || info.dli_fbase == NULL) return 0;
  const struct mach_header_64 *header = info.dli_fbase;
  if (header->magic != MH_MAGIC_64) return 0;
  const char *at = (const char *)(header + 1), *end = at + header->sizeofcmds;
  while (end - at >= (long)sizeof(struct load_command)) {
    const struct load_command *command = (const struct load_command *)at;
    if (command->cmdsize < sizeof *command || command->cmdsize > (uint64_t)(end - at)) return 0;
    if (command->cmd == LC_UUID && command->cmdsize >= sizeof(struct uuid_command)) {
      memcpy(identity, ((const struct uuid_command *)command)->uuid, 16);
      return MEZZO_CODE_BUILD_ID;
    }
    at += command->cmdsize;
  }
  return 0;
}
#elif defined(__linux__)
#include <elf.h>
#include <link.h>

typedef struct search {
  uintptr_t address;
  uint8_t *identity;
  int found;
} search;

static bool is_inside(const struct dl_phdr_info *object, uintptr_t address) {
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    uintptr_t start = object->dlpi_addr + segment->p_vaddr;
    if (segment->p_type == PT_LOAD && address >= start && address - start < segment->p_memsz) return true;
  }
  return false;
}

/* The note that the linker made of what it wrote (--build-id). */
static bool take_build_id(const struct dl_phdr_info *object, uint8_t *identity) {
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_NOTE) continue;
    uint64_t padding = segment->p_align == 8 ? 7 : 3, left = segment->p_memsz;
    const uint8_t *at = (const uint8_t *)(object->dlpi_addr + segment->p_vaddr);
    ElfW(Nhdr) note;
    while (left >= sizeof note) {
      memcpy(&note, at, sizeof note);
      uint64_t content = (sizeof note + note.n_namesz + padding) & ~padding;
      uint64_t next = (content + note.n_descsz + padding) & ~padding;
      if (content + note.n_descsz > left) break;
      bool is_gnu = note.n_namesz == 4 && memcmp(at + sizeof note, "GNU", 4) == 0;
      if (is_gnu && note.n_type == NT_GNU_BUILD_ID && note.n_descsz >= 8) {
        memcpy(identity, at + content, note.n_descsz < MEZZO_CODE_BYTES ? note.n_descsz : MEZZO_CODE_BYTES);
        return true;
      }
      if (next >= left) break;
      at += next;
      left -= next;
    }
  }
  return false;
}

/* Of all that is readable and not written: code and constants. */
static bool take_hash(const struct dl_phdr_info *object, uint8_t *identity) {
  enum { MOST = 16 };
  uint64_t parts[MOST][3];
  uint64_t count = 0;
  for (int i = 0; i < object->dlpi_phnum && count < MOST; i++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W)) continue;
    // Code that nobody may read cannot be told from other code.
    if (!(segment->p_flags & PF_R) && (segment->p_flags & PF_X)) return false;
    if (!(segment->p_flags & PF_R)) continue;
    mezzo_content_hash((const void *)(object->dlpi_addr + segment->p_vaddr), segment->p_filesz, parts[count]);
    parts[count++][2] = segment->p_vaddr;
  }
  uint64_t hash[2];
  mezzo_content_hash(parts, count * sizeof parts[0], hash);
  memcpy(identity, hash, sizeof hash);
  return count > 0;
}

static int look(struct dl_phdr_info *object, size_t size, void *user) {
  search *wanted = user;
  (void)size;
  if (!is_inside(object, wanted->address)) return 0;
  if (take_build_id(object, wanted->identity))
    wanted->found = MEZZO_CODE_BUILD_ID;
  else if (take_hash(object, wanted->identity))
    wanted->found = MEZZO_CODE_HASH;
  return 1;
}

int mezzo_code_identity(const void *address, uint8_t identity[MEZZO_CODE_BYTES]) {
  search wanted = {(uintptr_t)address, identity, 0};
  memset(identity, 0, MEZZO_CODE_BYTES);
  dl_iterate_phdr(look, &wanted);
  return wanted.found;
}
#else
int mezzo_code_identity(const void *address, uint8_t identity[MEZZO_CODE_BYTES]) {
  (void)address;
  memset(identity, 0, MEZZO_CODE_BYTES);
  return 0;
}
#endif
