// SPDX-License-Identifier: Apache-2.0
// A 32-bit program without a libc: mkdir(argv[1], 0755) by int $0x80, exits with the errno or 0.

    .equ    SYS_exit, 1
    .equ    SYS_mkdir, 39           # getpid on x86-64

    .globl  _start
    .text
_start:
    movl    $SYS_mkdir, %eax
    movl    8(%esp), %ebx           # argc, argv[0], argv[1]: NULL when there is none
    movl    $0755, %ecx
    int     $0x80

    xorl    %ebx, %ebx
    testl   %eax, %eax
    jns     exit
    subl    %eax, %ebx
exit:
    movl    $SYS_exit, %eax
    int     $0x80

    .section .note.GNU-stack, "", @progbits
