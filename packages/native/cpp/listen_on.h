// TensorFlow's server listens on all interfaces: its source says 0.0.0.0, whatever address a process has. While a ListenOn lives,
// the calls of `bind` that TensorFlow's libraries make for that port on all interfaces get one address instead. A function
// `bind` of our own would not be called, since a library finds that of the system first; so its entry in their tables of
// functions is exchanged.
#ifndef PROTOMEM_LISTEN_ON_H_
#define PROTOMEM_LISTEN_ON_H_

#include <link.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace listen_on {

/** Of the server that is starting: one at a time. */
inline in6_addr wanted;
inline bool isIpv6 = false;
inline uint16_t port = 0;
inline int calls = 0;

inline bool everywhere(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return ntohs(v4->sin_port) == port && v4->sin_addr.s_addr == htonl(INADDR_ANY);
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
  return address->sa_family == AF_INET6 && ntohs(v6->sin6_port) == port && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
}

inline int bindThere(int socket, const sockaddr* address, socklen_t length) {
  if (!everywhere(address)) return bind(socket, address, length);
  calls++;
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 there = *reinterpret_cast<const sockaddr_in6*>(address);
    there.sin6_addr = wanted;
    return bind(socket, reinterpret_cast<sockaddr*>(&there), sizeof there);
  }
  if (isIpv6) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  sockaddr_in there = *reinterpret_cast<const sockaddr_in*>(address);
  std::memcpy(&there.sin_addr, wanted.s6_addr + 12, 4);
  return bind(socket, reinterpret_cast<sockaddr*>(&there), sizeof there);
}

/** Where TensorFlow's libraries keep the address of `bind`. */
inline int collect(dl_phdr_info* object, size_t, void* into) {
  if (std::strstr(object->dlpi_name, "libtensorflow") == nullptr) return 0;
  const ElfW(Sym)* symbols = nullptr;
  const char* names = nullptr;
  std::vector<std::pair<uintptr_t, size_t>> tables(2);
  for (int i = 0; i < object->dlpi_phnum; i++) {
    if (object->dlpi_phdr[i].p_type != PT_DYNAMIC) continue;
    const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
    for (; entry->d_tag != DT_NULL; entry++) {
      // glibc has added the place of the object already, others have not.
      const uintptr_t value = entry->d_un.d_ptr;
      const uintptr_t place = value < object->dlpi_addr ? object->dlpi_addr + value : value;
      if (entry->d_tag == DT_SYMTAB) symbols = reinterpret_cast<const ElfW(Sym)*>(place);
      if (entry->d_tag == DT_STRTAB) names = reinterpret_cast<const char*>(place);
      if (entry->d_tag == DT_JMPREL) tables[0].first = place;
      if (entry->d_tag == DT_PLTRELSZ) tables[0].second = value;
      if (entry->d_tag == DT_RELA) tables[1].first = place;
      if (entry->d_tag == DT_RELASZ) tables[1].second = value;
    }
  }
  if (symbols == nullptr || names == nullptr) return 0;
  for (const auto& [place, bytes] : tables) {
    const auto* relocations = reinterpret_cast<const ElfW(Rela)*>(place);
    for (size_t i = 0; i < bytes / sizeof(ElfW(Rela)); i++) {
      // The number of the symbol is the upper half; nought is none.
      const auto symbol = relocations[i].r_info >> 32;
      if (symbol == 0 || std::strcmp(names + symbols[symbol].st_name, "bind") != 0) continue;
      static_cast<std::vector<void**>*>(into)->push_back(reinterpret_cast<void**>(object->dlpi_addr + relocations[i].r_offset));
    }
  }
  return 0;
}

inline bool write(void** entry, void* value) {
  const uintptr_t page = sysconf(_SC_PAGESIZE);
  // It may be of those that are read only once the object is loaded.
  void* begin = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(entry) / page * page);
  if (mprotect(begin, page, PROT_READ | PROT_WRITE) != 0) return false;
  *entry = value;
  return true;
}

}  // namespace listen_on

/** Has the server of a port listen at one address, as long as this lives. */
class ListenOn {
 public:
  ListenOn(const char* host, uint16_t port) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int code = getaddrinfo(host, nullptr, &hints, &found); code != 0) {
      problem_ = std::string(host) + ": " + gai_strerror(code);
      return;
    }
    listen_on::isIpv6 = found->ai_family == AF_INET6;
    if (listen_on::isIpv6) {
      listen_on::wanted = reinterpret_cast<sockaddr_in6*>(found->ai_addr)->sin6_addr;
    } else {
      listen_on::wanted = {};
      listen_on::wanted.s6_addr[10] = listen_on::wanted.s6_addr[11] = 0xff;
      std::memcpy(listen_on::wanted.s6_addr + 12, &reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_addr, 4);
    }
    char text[INET6_ADDRSTRLEN];
    getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
    address_ = text;
    freeaddrinfo(found);
    listen_on::port = port;
    listen_on::calls = 0;
    std::vector<void**> entries;
    dl_iterate_phdr(listen_on::collect, &entries);
    for (void** entry : entries) {
      void* before = *entry;
      if (listen_on::write(entry, reinterpret_cast<void*>(listen_on::bindThere))) changed_.emplace_back(entry, before);
    }
  }
  ~ListenOn() {
    for (const auto& [entry, before] : changed_) listen_on::write(entry, before);
  }
  ListenOn(const ListenOn&) = delete;
  ListenOn& operator=(const ListenOn&) = delete;

  /** Why there is no such address; empty where there is. */
  const std::string& problem() const { return problem_; }
  /** The address in numbers. */
  const std::string& address() const { return address_; }
  /** Whether the server went there, rather than to all interfaces by a way that is not known here. */
  bool obeyed() const { return listen_on::calls > 0; }

 private:
  std::string problem_, address_;
  std::vector<std::pair<void**, void*>> changed_;
};

#endif  // PROTOMEM_LISTEN_ON_H_
