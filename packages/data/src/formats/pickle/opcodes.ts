/** Names of all opcodes of protocols 0 to 5, for messages; those that are read are in `read-pickle.ts`. */
const names: Readonly<Record<number, string>> = Object.fromEntries(
  [
    '(MARK .STOP 0POP 1POP_MARK 2DUP FFLOAT IINT JBININT KBININT1 LLONG MBININT2 NNONE PPERSID QBINPERSID RREDUCE',
    'SSTRING TBINSTRING USHORT_BINSTRING VUNICODE XBINUNICODE aAPPEND bBUILD cGLOBAL dDICT }EMPTY_DICT eAPPENDS gGET',
    'hBINGET iINST jLONG_BINGET lLIST ]EMPTY_LIST oOBJ pPUT qBINPUT rLONG_BINPUT sSETITEM tTUPLE )EMPTY_TUPLE uSETITEMS',
    'GBINFLOAT BBINBYTES CSHORT_BINBYTES \x80PROTO \x81NEWOBJ \x82EXT1 \x83EXT2 \x84EXT4 \x85TUPLE1 \x86TUPLE2 \x87TUPLE3',
    '\x88NEWTRUE \x89NEWFALSE \x8aLONG1 \x8bLONG4 \x8cSHORT_BINUNICODE \x8dBINUNICODE8 \x8eBINBYTES8 \x8fEMPTY_SET',
    '\x90ADDITEMS \x91FROZENSET \x92NEWOBJ_EX \x93STACK_GLOBAL \x94MEMOIZE \x95FRAME \x96BYTEARRAY8 \x97NEXT_BUFFER',
    '\x98READONLY_BUFFER',
  ]
    .join(' ')
    .split(' ')
    .map((entry) => [entry.charCodeAt(0), entry.slice(1)]),
);

/** The name of an opcode, or its number when it is none. */
export function opcodeName(code: number): string {
  return names[code] ?? `0x${code.toString(16).padStart(2, '0')}, which is no opcode`;
}
