// SPDX-License-Identifier: Apache-2.0
// Tests the built handler mkdir-suffix-ts.
import { testMkdirSuffix } from '../../test/support/mkdir-suffix.ts';

testMkdirSuffix('mkdir-suffix-ts');
