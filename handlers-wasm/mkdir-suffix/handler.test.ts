// SPDX-License-Identifier: Apache-2.0
// Tests the built handler mkdir-suffix.
import { testMkdirSuffix } from '../../test/support/mkdir-suffix.ts';

testMkdirSuffix('mkdir-suffix');
