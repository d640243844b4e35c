// SPDX-License-Identifier: Apache-2.0
// Makes each directory under a name with a suffix.
#include <seccompagent.h>

static sca_refusal configure(void) {
  return sca_require_setting("suffix");
}
SCA_EXPORT_CONFIGURE(configure);

static sca_action on_mkdir(sca_path path, uint32_t mode) {
  const sca_path renamed = sca_path_with_suffix(path, sca_setting("suffix"));
  return sca_result_action(sca_filesystem_mkdir(renamed, mode));
}
SCA_EXPORT_MKDIR(on_mkdir);
