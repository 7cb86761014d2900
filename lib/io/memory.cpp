#include "lib/io/memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace duel {

int64_t available_memory() {
  int64_t available = static_cast<int64_t>(::sysconf(_SC_AVPHYS_PAGES)) * ::sysconf(_SC_PAGESIZE);
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key, line; meminfo >> key && std::getline(meminfo, line);) {
    if (key == "MemAvailable:") available = std::stoll(line) * 1024;
  }
  // The file holds "max" where there is no limit, which is no number and so leaves the stream failed.
  int64_t limit = 0;
  if (std::ifstream("/sys/fs/cgroup/memory.max") >> limit) available = std::min(available, limit);
  return available;
}

}  // namespace duel
