"""Names: `using namespace sinter;` must not take from a program the words that it uses itself.

python3 check.py INCLUDE/sinter [COMPILER OPTION…]

- What the headers declare directly in namespace sinter is what public.txt lists, and each has a doc comment. A new
  internal name belongs into ops, graph, cpu, a *_detail or sinter::internals; a new public one into public.txt.
- No header uses a word that common system headers and frameworks define as a macro.
- With a compiler: a program that has globals of all the names in inner namespaces, and of the words below, compiles
  after `using namespace sinter`.
"""

import pathlib
import subprocess
import sys
import tempfile

from collect import collect, tokens

HERE = pathlib.Path(__file__).parent
# <complex.h>, <sys/sysmacros.h>, <termios.h>, X11, Qt, <windows.h>
MACROS = set(
    'I major minor makedev B0 B50 ECHO None Bool Status True False Always Success emit slots signals foreach near far '
    'small interface IN OUT'.split()
)
# What people call things in programs of this kind.
WORDS = set(
    'train test labels label images image inputs outputs batch batches batch_size epoch epochs steps loss losses lr '
    'rate learning_rate gradient gradients weights weight bias features classes samples sample dataset model net '
    'network layer layers optimizer scheduler schedule accuracy score scores metric metrics total count sum_of scale '
    'bits quotient within mask lanes lane x y z w h n m k i j a b c p q r t width height depth channels rows columns '
    'size offset stride index indices position left right first last begin end next previous low high start stop step '
    'point points line lines compile eager transform fields backend reference generic plan program kernel state '
    'hidden cell sequence tokens vocabulary length lengths time now seconds noise signal_ratio seed_value temperature '
    'result results value values table buffer buffers memory file path name names text parse config options settings '
    'args usage version debug verbose log_level Result Number Range Mapped Accurate Storage Symbols Symbol Net Config '
    'Options Dataset Sample Layer Point Matrix Vector Image Node Graph Builder Kernel Program Plan Step Kind Value '
    'Type List Code Team Context Tile Matrix Span Pass Group'.split()
)
# Taken by the language and by C.
TAKEN = set(
    'abs acos and asm atan atan2 auto bool break case char close const copysign cos count_if default delete div do '
    'double else enum erf exp exp2 expm1 explicit export extern false float floor fma fmod for free friend goto hypot '
    'if index inline int isatty isfinite isnan jn link log log10 log1p log2 long mutable namespace new not operator '
    'or pause pipe pow printf private protected public puts raise rand random read register remainder remove rename '
    'return rint round select send short signal signed sin sinh sizeof sleep sqrt stat static struct switch sync tan '
    'tanh template this throw time trunc true try typedef typeid typename union unsigned using virtual void volatile '
    'wait while write xor y0 y1 yn ceil stdin stdout clock first_ advance begin_'.split()
)


def is_error(entry, name):
    """Undefined types whose name is a sentence are compile errors."""
    return entry['kind'] == 'declared type' and name.count('_') >= 2


def problems(include):
    found = collect(include)
    names, listed = found['sinter'], set(HERE.joinpath('public.txt').read_text(encoding='utf-8').split())
    inner = {n for n, e in names.items() if e['kind'] == 'namespace' and (n.endswith('_detail') or n == 'internals')}
    for name, entry in sorted(names.items()):
        if name in inner or is_error(entry, name):
            continue
        where = f"{name} ({', '.join(sorted(entry['files']))})"
        if name not in listed:
            yield (
                f'{where} is new in namespace sinter: an internal name belongs into an inner namespace, '
                'a public one into tests/names/public.txt'
            )
        elif not entry['documented']:
            yield f'{where} is public and has no doc comment'
    for name in sorted(listed - set(names)):
        yield f'{name} is listed as public and declared nowhere'
    for path in sorted(pathlib.Path(include).rglob('*.hpp')):
        for word in sorted({t.text for t in tokens(path.read_text(encoding='utf-8')) if t.kind == 'word'} & MACROS):
            yield f'{path.relative_to(include)} uses {word}, which a common header defines as a macro'


def program(include):
    """Globals of a user's own, and their use."""
    found = collect(include)
    public = {n for n, e in found['sinter'].items() if not n.endswith('_detail')}
    words = WORDS | {n for space, entries in found.items() if space.startswith('sinter::') for n in entries}
    words = sorted(words - public - TAKEN - {'std', 'sinter'})
    types = [w for w in words if w[0].isupper()]
    variables = [w for w in words if not w[0].isupper()]
    lines = ['#include <sinter/sinter.hpp>', 'using namespace sinter;']
    lines += [f'struct {w} {{ int own = 1; }};' for w in types]
    lines += [f'int {w} = 1;' for w in variables]
    lines += ['int main() {', '  int found = 0;']
    lines += [f'  found += {w}{{}}.own;' for w in types]
    lines += [f'  found += {w};' for w in variables]
    lines += [f'  return found == {len(types) + len(variables)} ? 0 : 1;', '}']
    functions = ['#include <sinter/sinter.hpp>', 'using namespace sinter;']
    functions += [f'int {w}(const Tensor<float, 3>&) {{ return 1; }}' for w in variables]
    functions += ['int main() {', '  const Tensor<float, 3> argument_;', '  int found = 0;']
    functions += [f'  found += {w}(argument_);' for w in variables]
    functions += [f'  return found == {len(variables)} ? 0 : 1;', '}']
    return '\n'.join(lines) + '\n', '\n'.join(functions) + '\n', len(words)


def main():
    include, compiler = sys.argv[1], sys.argv[2:]
    found = list(problems(include))
    for text in found:
        print(text)
    if compiler:
        variables, functions, count = program(include)
        for what, source in (('variables and types', variables), ('functions', functions)):
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, 'own_names.cpp')
                path.write_text(source, encoding='utf-8')
                run = subprocess.run([*compiler, '-fsyntax-only', str(path)], capture_output=True, text=True)
                if run.returncode != 0:
                    found.append('')
                    print(
                        f'{what} of these names do not compile after `using namespace sinter`:\n'
                        + '\n'.join(line for line in run.stderr.splitlines() if 'error' in line)
                    )
        if not found:
            print(f'{count} names are free after `using namespace sinter`')
    sys.exit(bool(found))


if __name__ == '__main__':
    main()
