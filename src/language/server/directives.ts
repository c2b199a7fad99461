// Table: directives of the GNU assembler that guests use (GNU as manual, chapter 7); summaries in own words.

/** One directive. */
export interface Directive {
  /** With its dot, lower case. */
  readonly name: string;
  readonly operands: string;
  /** One sentence. */
  readonly summary: string;
}

function row(name: string, operands: string, summary: string): Directive {
  return { name, operands, summary };
}

export const directives: readonly Directive[] = [
  row(
    '.intel_syntax',
    '[noprefix]',
    'Destination first from here on; with noprefix, registers need no %.',
  ),
  row('.att_syntax', '[prefix]', 'Source first from here on, registers with %, immediates with $.'),
  row('.code64', '', 'What follows is 64-bit code.'),
  row('.code32', '', 'What follows is 32-bit code.'),
  row('.code16', '', 'What follows is 16-bit code.'),
  row('.arch', 'name', 'Warns of instructions that this processor does not have.'),
  row('.text', '[subsection]', 'What follows goes into the code section.'),
  row('.data', '[subsection]', 'What follows goes into the section of initialised data.'),
  row(
    '.bss',
    '[subsection]',
    'What follows goes into the section that starts as zeros and takes no room in the file.',
  ),
  row(
    '.section',
    'name[, "flags"[, @type]]',
    'What follows goes into a named section; flags: a loaded, w writable, x code.',
  ),
  row('.pushsection', 'name[, "flags"]', 'Switches to a section until .popsection.'),
  row('.popsection', '', 'Goes back to the section before .pushsection.'),
  row('.previous', '', 'Goes back to the section before this one.'),
  row('.globl', 'name', 'Makes a name visible to the linker and to other files.'),
  row('.global', 'name', 'Makes a name visible to the linker and to other files.'),
  row('.weak', 'name', 'Makes a name visible, but weaker than a strong definition elsewhere.'),
  row('.local', 'name', 'Keeps a name inside this file.'),
  row(
    '.extern',
    'name',
    'Says that a name is defined in another file; every unknown name is treated so anyway.',
  ),
  row('.hidden', 'name', 'Keeps a name inside the linked image.'),
  row('.type', 'name, @function | @object', 'Says what a name stands for.'),
  row('.size', 'name, expression', 'Says how many bytes belong to a name.'),
  row('.equ', 'name, expression', 'Gives a name to a number; may be changed later.'),
  row('.set', 'name, expression', 'Gives a name to a number; may be changed later.'),
  row('.equiv', 'name, expression', 'Gives a name to a number; an error if the name is taken.'),
  row(
    '.eqv',
    'name, expression',
    'Gives a name to an expression that is evaluated where it is used.',
  ),
  row('.byte', 'expression, …', 'Bytes.'),
  row('.word', 'expression, …', 'Words of 2 bytes.'),
  row('.short', 'expression, …', 'Words of 2 bytes.'),
  row('.hword', 'expression, …', 'Words of 2 bytes.'),
  row('.2byte', 'expression, …', 'Values of 2 bytes, not aligned.'),
  row('.long', 'expression, …', 'Values of 4 bytes.'),
  row('.int', 'expression, …', 'Values of 4 bytes.'),
  row('.4byte', 'expression, …', 'Values of 4 bytes, not aligned.'),
  row('.quad', 'expression, …', 'Values of 8 bytes.'),
  row('.8byte', 'expression, …', 'Values of 8 bytes, not aligned.'),
  row('.octa', 'number, …', 'Values of 16 bytes.'),
  row('.float', 'number, …', 'Single-precision floating-point values.'),
  row('.double', 'number, …', 'Double-precision floating-point values.'),
  row('.uleb128', 'expression, …', 'Unsigned numbers in the variable-length form of DWARF.'),
  row('.sleb128', 'expression, …', 'Signed numbers in the variable-length form of DWARF.'),
  row('.ascii', '"text", …', 'Characters, with no zero at the end.'),
  row('.asciz', '"text", …', 'Characters and a zero byte.'),
  row('.string', '"text", …', 'Characters and a zero byte.'),
  row('.skip', 'count[, fill]', 'So many bytes of fill, zero unless given.'),
  row('.space', 'count[, fill]', 'So many bytes of fill, zero unless given.'),
  row('.zero', 'count', 'So many zero bytes.'),
  row('.fill', 'repeat[, size[, value]]', 'A value again and again.'),
  row('.org', 'offset[, fill]', 'Goes forward to an offset in the section.'),
  row('.align', 'boundary[, fill[, most]]', 'Goes forward to a boundary in bytes (on x86 ELF).'),
  row('.balign', 'boundary[, fill[, most]]', 'Goes forward to a boundary in bytes.'),
  row('.p2align', 'exponent[, fill[, most]]', 'Goes forward to a boundary that is a power of two.'),
  row('.comm', 'name, size[, alignment]', 'Room that the linker makes once for all files.'),
  row('.lcomm', 'name, size', 'Room in .bss.'),
  row(
    '.include',
    '"file"',
    'Reads another source file here; searched beside the file and in include folders.',
  ),
  row('.incbin', '"file"[, skip[, count]]', 'Puts the bytes of a file here.'),
  row(
    '.macro',
    'name [parameter, …]',
    'Begins a macro; \\parameter stands for an argument, \\@ for a counter of calls.',
  ),
  row('.endm', '', 'Ends a macro.'),
  row('.endmacro', '', 'Ends a macro.'),
  row('.exitm', '', 'Leaves the expansion of a macro early.'),
  row('.purgem', 'name', 'Forgets a macro.'),
  row('.altmacro', '', 'Switches on the alternate macro language.'),
  row('.noaltmacro', '', 'Switches off the alternate macro language.'),
  row('.rept', 'count', 'Repeats what follows up to .endr.'),
  row('.irp', 'symbol, value, …', 'Repeats what follows for each value.'),
  row('.irpc', 'symbol, characters', 'Repeats what follows for each character.'),
  row('.endr', '', 'Ends a repetition.'),
  row('.if', 'expression', 'Assembles what follows only if the expression is not zero.'),
  row('.ifdef', 'name', 'Assembles what follows only if a name is defined.'),
  row('.ifndef', 'name', 'Assembles what follows only if a name is not defined.'),
  row('.ifb', 'text', 'Assembles what follows only if the text is blank.'),
  row('.ifnb', 'text', 'Assembles what follows only if the text is not blank.'),
  row('.ifc', 'text, text', 'Assembles what follows only if the texts are equal.'),
  row('.ifnc', 'text, text', 'Assembles what follows only if the texts differ.'),
  row('.ifeq', 'expression', 'Assembles what follows only if the expression is zero.'),
  row('.ifne', 'expression', 'Assembles what follows only if the expression is not zero.'),
  row('.ifge', 'expression', 'Assembles what follows only if the expression is zero or more.'),
  row('.ifgt', 'expression', 'Assembles what follows only if the expression is above zero.'),
  row('.ifle', 'expression', 'Assembles what follows only if the expression is zero or less.'),
  row('.iflt', 'expression', 'Assembles what follows only if the expression is below zero.'),
  row('.else', '', 'The other half of .if.'),
  row('.elseif', 'expression', 'Another condition after .if.'),
  row('.endif', '', 'Ends .if.'),
  row('.error', '"text"', 'Stops the assembly with a message.'),
  row('.warning', '"text"', 'Prints a warning.'),
  row('.print', '"text"', 'Prints a line while assembling.'),
  row('.end', '', 'Ends the source; the rest is ignored.'),
  row('.file', '"name"', 'Names the source file in the symbol table.'),
  row('.loc', 'file line [column]', 'Gives the source line of the next instruction.'),
  row('.line', 'number', 'Changes the line number.'),
  row('.ident', '"text"', 'Puts a text into the comment section.'),
  row('.nops', 'bytes', 'Fills with NOP instructions.'),
  row('.insn', 'encoding', 'Builds an instruction that the assembler does not know.'),
  row('.cfi_sections', '.eh_frame | .debug_frame', 'Chooses where unwind information goes.'),
  row('.cfi_startproc', '', 'Begins the unwind information of a routine.'),
  row('.cfi_endproc', '', 'Ends the unwind information of a routine.'),
  row('.cfi_def_cfa', 'register, offset', 'Says how to compute the frame address.'),
  row('.cfi_def_cfa_offset', 'offset', 'Changes the offset of the frame address.'),
  row('.cfi_def_cfa_register', 'register', 'Changes the register of the frame address.'),
  row('.cfi_adjust_cfa_offset', 'offset', 'Adds to the offset of the frame address.'),
  row('.cfi_offset', 'register, offset', 'Says where a register was saved.'),
  row('.cfi_restore', 'register', 'A register has its old value again.'),
  row('.cfi_undefined', 'register', 'A register cannot be recovered.'),
  row('.cfi_signal_frame', '', 'Marks a frame that an interrupt made.'),
];

const byName = new Map(directives.map((directive) => [directive.name, directive]));

/** The directive of a name in any letter case. */
export function findDirective(name: string): Directive | undefined {
  return byName.get(name.toLowerCase());
}
