"""The reference: every public name with its signature and what the headers' comments say of it.

python3 docs/reference.py           writes docs/reference/
python3 docs/reference.py --check   fails where docs/reference/ is not what it would write, or a public name lacks a
                                    comment

Public are the names that tests/names/public.txt lists, the operators of namespace sinter, and what the headers declare
in nn, nn::init, optim, data, io, random, models and vision; but not errors whose name is a sentence. Signatures are
written for reading: without bodies, attributes and the types that a caller never names; `Operand auto x` stands for a
template parameter of one use.
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / 'writer'))
from comments import fill, markdown, prose  # noqa: E402
from declarations import INCLUDE, ROOT, SPECIFIERS, declarations, join, members  # noqa: E402
from signatures import FACTORIES, declaration_lines, synopsis, wrapped  # noqa: E402

SPACES = ['', 'nn', 'nn::init', 'optim', 'data', 'io', 'random', 'models', 'vision']

# The pages, in the order of the index: file, title, what it is about, and the headers whose names it has.
PAGES = [
    (
        'tensors',
        'Tensors',
        'Tensors, views, element types, shapes, random seeds, printing and errors.',
        'tensor/tensor.hpp tensor/view.hpp tensor/extents.hpp tensor/dtype.hpp tensor/half.hpp tensor/range.hpp '
        'tensor/random.hpp tensor/print.hpp eager/evaluate.hpp eager/compare.hpp tensor/error.hpp tensor/place.hpp '
        'tensor/transfer.hpp tensor/',
    ),
    (
        'elementwise',
        'Functions of elements',
        'Arithmetic, comparisons, elementary functions and activations. Operands broadcast as in NumPy and PyTorch; '
        'elementary functions of integers are float32.',
        'ops/arithmetic.hpp ops/compare.hpp ops/logical.hpp ops/cast.hpp ops/exponential.hpp ops/trigonometric.hpp '
        'ops/power.hpp ops/rounding.hpp ops/activation/ ops/accurate.hpp ops/composed.hpp',
    ),
    (
        'reductions',
        'Reductions',
        'Sums, extrema, statistics, softmax and running sums: along some axes or all.',
        'ops/reduce.hpp ops/extrema.hpp ops/statistics.hpp ops/softmax.hpp ops/scan.hpp',
    ),
    (
        'views',
        'Views, assembly and indexing',
        'Reshaped, permuted, joined, padded, selected and gathered tensors.',
        'ops/reshape.hpp ops/permute.hpp ops/broadcast.hpp ops/concatenate.hpp ops/flip.hpp ops/pad.hpp '
        'ops/bounds.hpp ops/index.hpp ops/gather.hpp ops/one_hot.hpp ops/like.hpp ops/windows.hpp ops/shuffle.hpp',
    ),
    (
        'products',
        'Products, convolutions, attention',
        'Matrix products, einsum, convolutions, pools, attention and recurrences; the options that they take.',
        'ops/contract.hpp ops/einsum.hpp ops/convolve.hpp ops/pool.hpp ops/attention.hpp ops/recurrence.hpp '
        'ops/geometry.hpp ops/options.hpp',
    ),
    (
        'random',
        'Random tensors',
        'Random tensors, eager and in traced functions.',
        'eager/random.hpp ops/random.hpp ops/like.hpp',
    ),
    (
        'transforms',
        'Transforms',
        'Derivatives, vmap, jit, loops, and trees of tensors: functions in, functions out.',
        'transform/grad.hpp transform/jvp.hpp transform/vmap.hpp transform/jit.hpp transform/scan.hpp '
        'ops/derivative.hpp ops/checkpoint.hpp transform/',
    ),
    (
        'modules',
        'Parameters and operands',
        'What a module of your own is made of, and what functions of your own ask of their operands.',
        'graph/param.hpp graph/call.hpp graph/sym.hpp graph/ ops/training.hpp ops/expect.hpp ops/apply.hpp',
    ),
    (
        'layers',
        'Layers',
        'Layers, under the names and with the defaults of torch.nn.',
        'nn/linear.hpp nn/convolution.hpp nn/pooling.hpp nn/normalization.hpp nn/dropout.hpp nn/embedding.hpp '
        'nn/sequential.hpp nn/activation.hpp nn/attention.hpp nn/transformer.hpp nn/cache.hpp nn/recurrent.hpp '
        'nn/recurrent_cell.hpp nn/init.hpp nn/',
    ),
    ('losses', 'Losses', 'Losses, as functions and as modules.', 'nn/loss/labels.hpp nn/loss/ nn/loss.hpp'),
    (
        'optimizers',
        'Optimizers and schedules',
        'Optimizers, what is put around them, and schedules.',
        'optim/adam.hpp optim/adamw.hpp optim/sgd.hpp optim/rmsprop.hpp optim/adagrad.hpp optim/amsgrad.hpp '
        'optim/schedule.hpp optim/groups.hpp optim/clip.hpp optim/accumulate.hpp optim/average.hpp optim/',
    ),
    (
        'training',
        'Models, training and inference',
        'Models, programs that train and run them, metrics, profiles and progress.',
        'train/model.hpp train/training.hpp train/trained.hpp train/inference.hpp train/optimizer.hpp '
        'train/metrics.hpp train/',
    ),
    (
        'data',
        'Data',
        'Data sets, loaders and readers of data files.',
        'data/loader.hpp data/samples.hpp data/records.hpp data/dataset.hpp data/subset.hpp data/mapped.hpp '
        'data/augment.hpp data/',
    ),
    ('files', 'Checkpoints and arrays', 'Checkpoints, NumPy arrays and single tensors of a file.', 'io/'),
    (
        'readers',
        'Parts of readers and writers',
        'What readers and writers of files are made of, for formats of your own.',
        'data/background.hpp data/csv_text.hpp data/file.hpp data/number.hpp data/order.hpp io/array.hpp '
        'io/atomic_file.hpp io/element_types.hpp io/json_string.hpp io/safetensors_header.hpp io/shards.hpp '
        'io/tensor_file.hpp io/trace.hpp',
    ),
    ('policies', 'Policies', 'Where programs and statements run, and on how many threads.', 'backend/ eager/'),
    ('models', 'Models', 'Nets that are ready to train, or to load pretrained weights into.', 'models/'),
    ('vision', 'Vision', 'Functions of images.', 'vision/'),
]

# What functions return under a type that nobody names, and whose members a program uses.
RETURNED = {
    'training': 'internals::train::TrainingStep',
    'optimizer': 'internals::train::OptimizerOf',
    'inference': 'internals::train::Inference',
}
# Names that several headers declare: the one that says most of it.
HEADERS = {
    'BasicView': 'tensor/view.hpp',
    'print': 'tensor/print.hpp',
    'to_string': 'tensor/print.hpp',
    'random::normal': 'eager/random.hpp',
    'stop_gradient': 'ops/derivative.hpp',
}
# Names that are on another page than their header's others.
NAMES = {
    'save_trace': 'training',
    'data::CsvOptions': 'data',
    'io::Resumable': 'files',
    'random::normal_like': 'random',
    'random::uniform_like': 'random',
}
# What the page of files has of namespace io; the rest is parts of readers and writers.
FILES = {'tensor', 'read_npy', 'write_npy', 'write_npz', 'save_tensors', 'read_safetensors'}


class Entry:
    def __init__(self, space, name):
        self.space, self.name, self.declarations, self.page, self.anchor = space, name, [], None, None
        self.full = f'{space}::{name}' if space else name


def is_public(space, d, listed):
    if space not in SPACES or d.name.endswith('_detail') or d.name.count('_') >= 6:
        return False
    if d.kind == 'type' and d.body is None and d.name.count('_') >= 2 or d.name == 'Untyped':
        return False
    if d.kind == 'function' and '->' in [x.text for x in d.rest] and d.rest[0].text == d.name:
        return False  # a deduction guide
    if d.kind == 'function' and not d.comment and join(d.template).startswith('int = '):
        return False  # its call is an error
    if d.kind == 'function' and (d.special or 'Untyped' in join(d.requires)):
        return False
    return bool(space) or d.name in listed or d.name.startswith('operator')


def headers():
    for path in sorted(INCLUDE.rglob('*.hpp')):
        name = path.relative_to(INCLUDE).as_posix()
        if not name.startswith(('compile/', 'backend/', 'ops/elementary/', 'graph/fields')) or name in (
            'backend/cpu/backend.hpp',
            'backend/thrust/backend.hpp',
            'backend/cuda/map.hpp',
        ):
            yield name, path


def page_of(header):
    best = ''
    found = None
    for page in PAGES:
        for prefix in page[3].split():
            if (header == prefix or prefix.endswith('/') and header.startswith(prefix)) and len(prefix) > len(best):
                best, found = prefix, page[0]
    return found


def collect_entries():
    listed = set((ROOT / 'tests' / 'names' / 'public.txt').read_text(encoding='utf-8').split())
    entries, inner, introductions, spaces = {}, {}, {}, set()
    for header, path in headers():
        text = path.read_text(encoding='utf-8')
        if not re.search(r'^namespace sinter::(?:inline SINTER_ABI(?: \{|::(?!ops|graph|cpu))|on_cuda)', text, re.M):
            continue  # all of it is internal
        introductions[header] = re.match(r'(?://[^\n]*\n)*', text).group()
        for full, d in declarations(path):
            space = full.removeprefix('sinter').removeprefix('::')
            spaces |= set(full.split('::'))
            inner[(space, d.name)] = inner.get((space, d.name)) or d
            if d.kind == 'type' and d.name.endswith('Of') and d.body is not None:
                made = [m for m in members(d.body, d.access, path) if m.kind == 'alias']
                FACTORIES[d.name] = {m.name: join(m.rest).split(' = ', 1)[1] for m in made}
            if is_public(space, d, listed):
                d.header = header
                for name in [d.name] + ([d.after] if getattr(d, 'after', '').isidentifier() else []):
                    entries.setdefault((space, name), Entry(space, name)).declarations.append(d)
    missing = sorted(listed - {n for s, n in entries if not s} - spaces)
    return entries, inner, introductions, missing


def included(header):
    """The headers that one includes, with all that these include."""
    seen, pending = set(), [header]
    while pending:
        at = pending.pop()
        if at in seen or not (INCLUDE / at).is_file():
            continue
        seen.add(at)
        folder = (INCLUDE / at).parent
        for name in re.findall(r'^#include "([^"]+)"', (INCLUDE / at).read_text(encoding='utf-8'), re.M):
            pending.append(pathlib.Path(folder, name).resolve().relative_to(INCLUDE).as_posix())
    return seen


def macros():
    """Macros that a user's program writes."""
    for name, header in (('SINTER_FIELDS', 'graph/fields.hpp'), ('SINTER_AROUND', 'optim/parts.hpp')):
        text = (INCLUDE / header).read_text(encoding='utf-8')
        m = re.search(rf'((?:///[^\n]*\n)+)#define ({name}\([^)]*\))', text)
        yield name, header, [line[3:] for line in m.group(1).splitlines()], m.group(2)


def slug(heading, taken):
    base = re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
    n = taken.get(base, -1) + 1
    taken[base] = n
    return base if n == 0 else f'{base}-{n}'


def block(entry, inner):
    """[(lines of code, comment)] of all that an entry declares, in order."""
    chosen = entry.declarations
    if getattr(chosen[0], 'after', '') == entry.name:  # struct KeepDims {} keepdims;
        return [([f'constexpr {chosen[0].name} {entry.name};'], chosen[0].comment)]
    types = [d for d in chosen if d.kind == 'type']
    if types:
        whole = [d for d in types if d.body is not None and not d.special]
        special = [d for d in types if d.body is not None and d.special]
        keep = whole or special[:1] or types[:1]
        if entry.name in ('BasicTensor', 'BasicView'):  # on the host, and elsewhere
            keep = sorted(special + whole, key=lambda x: 'Host' not in [y.text for y in x.rest])
        for d in keep:
            d.comment = d.comment or next((x.comment for x in types if x.comment), [])
        chosen = [d for d in chosen if d.kind != 'type' or d in keep]
    groups, seen = [], set()
    for d in chosen:
        if d.kind == 'variable' and is_special(d):
            continue
        if d.kind == 'using':
            target = d.head[-2].text if d.head[-1].text == d.name and len(d.head) > 2 else ''
            of = inner.get((target if target != '::' else d.head[-3].text, d.name))
            if of is None:
                continue
            d = of
        lines = declaration_lines(d)
        lines = wrapped(lines) if d.kind != 'type' and d.kind != 'enum' else lines
        text = '\n'.join(lines)
        if text in seen:
            continue
        seen.add(text)
        if d.comment or not groups:
            groups.append((lines, d.comment))
        else:
            groups[-1] = (groups[-1][0] + lines, groups[-1][1])
    return groups


def is_special(d):
    """A specialisation of a variable."""
    t = [x for x in d.rest if x.text not in SPECIFIERS]
    k = next((k for k, x in enumerate(t) if x.text in ('=', '{')), len(t))
    return k > 0 and t[k - 1].text == '>'


def make():
    """({file: text}, problems)"""
    entries, inner, introductions, missing = collect_entries()
    problems = [f'{name} is listed as public and has no page' for name in missing]
    for e in entries.values():
        d = e.declarations[0]
        defined = [x for x in e.declarations if x.body is not None and not x.special]
        e.header = (defined or [x for x in e.declarations if x.comment] or [d])[0].header
        if e.full in HEADERS:
            e.header = HEADERS[e.full]
        e.page = page_of(e.header)
        if e.page == 'files' and e.space == 'io' and e.name not in FILES:
            e.page = 'readers'
        e.page = NAMES.get(e.full, e.page)
        if e.page is None:
            problems.append(f'{e.full}, {e.header}: no page has this header: add it to PAGES in docs/reference.py')
        if not any(x.comment for x in e.declarations) and not any(x.kind == 'using' for x in e.declarations):
            problems.append(f'{e.full}, {e.header}: public, and no /// comment is directly above it')
    if problems:
        return {}, problems
    closure = included('sinter.hpp')
    order = {h: i for i, (h, _) in enumerate(headers())}
    pages = {p[0]: [] for p in PAGES}
    for e in entries.values():
        pages[e.page].append(e)
    by_name = {}
    for name, listed in pages.items():
        page = next(p for p in PAGES if p[0] == name)
        prefixes = page[3].split()

        def rank(e, prefixes=prefixes):
            at = [i for i, p in enumerate(prefixes) if e.header == p or p.endswith('/') and e.header.startswith(p)]
            return (at[0] if at else len(prefixes), order[e.header])

        listed.sort(key=lambda e: (*rank(e), e.name != 'Tensor'))  # stable: in the order of the header
        taken = {}
        slug(page[1], taken)
        for e in listed:
            e.anchor = slug(e.full, taken)
            by_name[e.full] = e
    files = {}
    for file, title, about, _ in PAGES:
        files[f'{file}.md'] = page_text(file, title, about, pages[file], inner, introductions, closure, by_name)
    files['README.md'] = index_text(entries)
    return files, []


def linked_names(page, space, by_name, own='', shown=''):
    def link(code):
        if code[0].islower() and re.search(rf'\b{re.escape(code)}\b', shown):
            return None  # a parameter or member of this name
        for full in (f'{space}::{code}' if space else code, code):
            e = by_name.get(full)
            if e is not None and full != own:
                at = '' if e.page == page else f'{e.page}.md'
                return f'[`{code}`]({at}#{e.anchor})'
        return None

    return link


def page_text(file, title, about, listed, inner, introductions, closure, by_name):
    lines = [f'# {title}', '', *fill(about), '']
    groups = {}
    for e in listed:
        groups.setdefault(e.header, []).append(e)
    for header, group in groups.items():
        words = ' '.join(line[3:] for line in introductions[header].splitlines() if line.startswith('// '))
        first = re.split(r'(?<=[a-z0-9)`\]])[.;](?= |$)', words)[0].rstrip('.:')
        plain = markdown(first, linked_names(file, '', {}))
        names = ', '.join(f'[`{e.full}`](#{e.anchor})' for e in group)
        lines += fill(f'{plain}: {names}', '- ')
    lines.append('')
    for e in listed:
        shown = block(e, inner)
        link = linked_names(file, e.space, by_name, e.full, '\n'.join('\n'.join(code) for code, _ in shown))
        lines += [f'## {e.full}', '']
        for code, comment in shown:
            lines += ['```cpp', *code, '```', '', *prose(comment, link)]
        returned = RETURNED.get(e.full)
        if returned:
            space, _, name = returned.rpartition('::')
            lines += ['What it returns:', '', '```cpp', *synopsis(inner[(space, name)], '', False), '```', '']
            lines += prose(inner[(space, name)].comment, link)
        where = f'[sinter/{e.header}](../../include/sinter/{e.header})'
        lines += [*fill(f'In {where}' + ('.' if e.header in closure else ': include it.')), '']
    for name, header, comment, head in macros() if file == 'modules' else ():
        lines += [f'## {name}', '', '```cpp', head, '```', '', *prose(comment, linked_names(file, '', by_name))]
        lines += [f'In [sinter/{header}](../../include/sinter/{header}).', '']
    return '\n'.join(lines).rstrip('\n') + '\n'


HOW_TO_READ = """
Every public name, by subject and by the alphabet. `#include <sinter/sinter.hpp>` and `using namespace sinter;` are all
that most of them need; a name that `sinter.hpp` leaves out says so. `docs/reference.py` writes these pages from the
headers' comments.

How to read a signature: `Operand auto x` is whatever can stand for a tensor: a tensor, a view, a parameter, an
expression, a traced symbol, and next to one of them a plain number. On tensors such a function returns an expression,
which is computed when it is assigned to a tensor; in a traced function it adds a node to the graph. Template parameters
are written in the call, `sum<0, 1>(x)`, unless they follow from its arguments. `First, More...` are options: a struct
of them, keywords such as `Stride<2>`, or both. Bodies, attributes and types that nobody names are left out.
"""


OTHER_PAGES = """
Parts that one writes oneself (layers, losses, optimizers, schedules, initial values, data sets) are in
[own_parts.md](../own_parts.md). Primitives, passes and backends are in [CONTRIBUTING.md](../../CONTRIBUTING.md).
"""


def index_text(entries):
    lines = ['# Reference', *HOW_TO_READ.rstrip().split('\n'), '', '| page | about |', '| --- | --- |']
    lines += [f'| [{title}]({file}.md) | {about} |' for file, title, about, _ in PAGES]
    lines += ['', *OTHER_PAGES.strip().split('\n')]
    letters = {}
    for e in entries.values():
        first = 'Operators and macros' if e.name.startswith('operator') else e.name[0].upper()
        letters.setdefault(first, []).append((e.name.lower(), e.full, e))
    for name, _, _, _ in macros():
        letters.setdefault('Operators and macros', []).append((name.lower(), name, None))
    for letter in sorted(letters, key=lambda x: (len(x) > 1, x)):
        lines += ['', f'## {letter}', '']
        links = [
            f'[`{full}`]({e.page}.md#{e.anchor})' if e else f'[`{full}`](modules.md#{full.lower()})'
            for _, full, e in sorted(letters[letter], key=lambda x: x[:2])
        ]
        lines += fill(', '.join(links))
    return '\n'.join(lines) + '\n'


def main():
    files, problems = make()
    folder = ROOT / 'docs' / 'reference'
    if not problems and sys.argv[1:] == ['--check']:
        found = {p.name: p.read_text(encoding='utf-8') for p in folder.glob('*.md')}
        for name in sorted(set(found) | set(files)):
            if found.get(name) != files.get(name):
                problems.append(f'docs/reference/{name} is not what the headers say: run python3 docs/reference.py')
    elif not problems:
        folder.mkdir(exist_ok=True)
        for path in folder.glob('*.md'):
            path.unlink()
        for name, text in files.items():
            (folder / name).write_text(text, encoding='utf-8')
    for text in problems:
        print(text)
    sys.exit(bool(problems))


if __name__ == '__main__':
    main()
