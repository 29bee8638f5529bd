"""The table of edges (table.txt): every public function, layer, loss, optimizer, schedule, reader and metric has a row.

python3 check.py INCLUDE/sinter

Fails for
- a public name (tests/names/collect.py finds them) that is neither a row nor listed as having no edges, or is both;
- a row or a listed name that the headers do not declare;
- a cell whose test is not in its file, does not mention the name, or, where its key has a *, has no case of that column
  in reference/cells.txt;
- a cell of the column "values" whose data, in reference/edges.txt or in the cases "values" of reference/cells.txt, hold
  no infinity or no NaN among their arguments, where FINITE does not say why;
- a cell that differs from PyTorch where docs/support.md has no such row.

Prints how many cells are tested, have no meaning, and differ.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / 'names'))
from collect import collect, tokens  # noqa: E402

COLUMNS = 'values ties empty one masked bounded options half integers first second'.split()
# Functions that PyTorch gives no infinity and no NaN, and why.
FINITE = {'nn::binary_cross_entropy': 'it throws at what is no probability, predictions and targets alike'}
NAMESPACES = ['', 'nn', 'optim', 'data', 'io', 'random']
TESTS = HERE.parent


def words_of_strings(words):
    return set(re.findall(r'\w+', ' '.join(w for w in words if w[0] == '"')))


class Test:
    """The words of a test case, and of what it calls in its file."""

    files = {}

    def __init__(self, path, title):
        if path not in Test.files:
            Test.files[path] = self.chunks(TESTS / path)
        chunks = Test.files[path]
        body = [c for c in chunks if c[0] and f'"{title}"' in c[1]]
        self.found = len(body) == 1
        self.words, self.text = set(), ''
        pending = body
        while pending:
            for chunk in pending:
                self.words |= set(chunk[1]) | words_of_strings(chunk[1])
                self.text += ' '.join(chunk[1]) + ' '
            seen = [id(c) for c in body]
            pending = [c for c in chunks if not c[0] and id(c) not in seen and c[2] & self.words]
            body = body + pending

    @staticmethod
    def chunks(path):
        """[(is a test case, its tokens, the names that it defines)]"""
        found, current, depth = [], [], 0
        for t in tokens(path.read_text(encoding='utf-8')):
            text = t.text
            if depth == 0 and text == '}' and t.kind == 'sign':  # the end of a namespace
                current = []
                continue
            if depth == 0 and text == '{' and 'namespace' in current:
                current = []
                continue
            current.append(text)
            if t.kind == 'sign':
                depth += (text in '{(') - (text in ')}') if text in ('{', '(', ')', '}') else 0
            if depth == 0 and text in ('}', ';') and t.kind == 'sign':
                is_test = 'TEST_CASE' in current[:1]
                defines = set()
                for a, b in zip(current, current[1:]):
                    if a in ('struct', 'class', 'using'):
                        defines.add(b)
                    if b == '(' and re.match(r'[A-Za-z_]', a) and not defines & {a}:
                        defines.add(a)
                        break
                for a, b in zip(current, current[1:]):
                    if b == '=' and re.match(r'[A-Za-z_]', a):
                        defines.add(a)
                        break
                found.append((is_test, current, defines))
                current = []
        return found


def unusual_arguments():
    """({function: numbers among its arguments in edges.txt}, {function: those of its cases "values" in cells.txt}),
    infinities and NaN alone, without their sign."""
    unusual = {'inf', '-inf', 'nan', '-nan'}
    of_edges, of_cells, found = {}, {}, set()
    for line in (TESTS / 'reference/edges.txt').read_text().splitlines():
        words = line.split()
        m = re.fullmatch(r'edge\.(\w+)\.\d+', words[0])
        if m:
            of_edges.setdefault(m[1], set()).update(w.lstrip('-') for w in words[2:] if w in unusual)
    for line in (TESTS / 'reference/cells.txt').read_text().splitlines():
        words = line.split()
        if line[0] != ' ':
            function, name = words[0].split('/')
            of_values = words[1].isdigit() and name.split('.')[0] == 'values'
            found = of_cells.setdefault(function.split('.')[0], set()) if of_values else set()
        found.update(w.lstrip('-') for w in words if w in unusual)
    return of_edges, of_cells


def cases():
    """{function without variants: {columns that its cases in cells.txt have}}"""
    columns = {}
    for line in (TESTS / 'reference/cells.txt').read_text().splitlines():
        if line[0] == ' ':
            continue
        case, key = line.split(' ', 2)[:2]
        function, name = case.split('/')
        found = columns.setdefault(function.split('.')[0], set())
        found.add(name.split('.')[0])
        found |= {'first'} if key == 'd0' else {'second'} if key == 'h0' else set()
    return columns


def read(path):
    keys, rows, without, section = {}, {}, {}, None
    for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
        where = f'table.txt:{number}'
        if not line.strip() or line.startswith('#'):
            continue
        if line.startswith('['):
            section = line.strip('[]')
        elif section == 'tests':
            m = re.fullmatch(r'(\S+) +(\S+): (.*?)( \*)?', line)
            keys[m[1]] = ('test', m[2], m[3], bool(m[4]))
        elif section in ('differences', 'no meaning'):
            key, text = line.split(None, 1)
            keys[key] = (section, text)
        elif section == 'no edges':
            listed = line if line[0] == ' ' else line.split(': ', 1)[1]  # a reason and names, which go on
            for n in listed.split():
                without[n] = where
        else:
            words = line.split()
            rows[words[0]] = (where, words[1:])
    return keys, rows, without


def public_names(include):
    found = collect(include)
    names = {}
    for space in NAMESPACES:
        listed = set((TESTS / 'names/public.txt').read_text(encoding='utf-8').split())
        for name, entry in found['sinter' + ('::' + space if space else '')].items():
            if entry['kind'] == 'namespace' or entry['kind'] == 'declared type' and name.count('_') >= 2:
                continue
            if space == '' and name not in listed:
                continue
            names[(space + '::' if space else '') + name] = entry
    for path in (pathlib.Path(include) / 'ops').glob('*.hpp'):
        for m in re.finditer(r'graph::Result<ops::[^;{]*?\b(operator[^\s(]+)\(', path.read_text(encoding='utf-8')):
            names[m[1]] = {'kind': 'function'}
    return names


def main():
    names = public_names(sys.argv[1])
    keys, rows, without = read(HERE / 'table.txt')
    support = (TESTS.parent / 'docs/support.md').read_text(encoding='utf-8').replace('\n', ' ')
    in_cells, tests, problems, used = cases(), {}, [], set()
    of_edges, of_cells = unusual_arguments()
    counts = dict(tested=0, meaningless=0, differs=0)
    row_names = {n.rpartition('/')[0] or n: n for n in rows}
    for n in sorted(set(names) - set(row_names) - set(without)):
        problems.append(f'{n} has no row in tests/edges/table.txt')
    for n in sorted((set(row_names) | set(without)) - set(names)):
        problems.append(f'{n} stands in tests/edges/table.txt and is declared nowhere')
    for n in sorted(set(row_names) & set(without)):
        problems.append(f'{n} has a row and is listed as having no edges')

    def mentions(key, name, where):
        _, path, title, _ = keys[key]
        if key not in tests:
            tests[key] = Test(path, title)
        t = tests[key]
        if not t.found:
            problems.append(f'{where}: {path} has no test case "{title}"')
        elif name.startswith('operator'):
            if f" {' '.join(name[8:])} " not in t.text and f' {name[8:]} ' not in t.text:
                problems.append(f'{where}: "{title}" in {path} does not use {name}')
        elif name.split('::')[-1] not in t.words:
            problems.append(f'{where}: "{title}" in {path} does not mention {name}')

    def check_values(name, alias, cell, where):
        found = []
        for key in cell.split('+'):
            if keys[key][0] != 'test':
                continue
            if keys[key][3]:
                found.append(of_cells.get(alias, set()))
            elif keys[key][1] == 'ops/edges.cpp':
                found.append(of_edges.get(alias, set()))
        missing = {'inf', 'nan'} - set().union(*found)
        if found and (missing != set()) != (name in FINITE):
            problems.append(f'{where}: arguments of {name} hold no {" and no ".join(sorted(missing))}' if missing else
                            f'check.py: {name} need not be in FINITE')

    for full, (where, cells) in rows.items():
        name, _, alias = full.rpartition('/')
        name, alias = name or full, alias.split('::')[-1]
        if cells and cells[0] == 'as':  # all cells are another row's, and a test says that the two are the same
            if cells[1] not in row_names:
                problems.append(f'{where}: {name} is as {cells[1]}, which has no row')
            used.add(cells[2])
            mentions(cells[2], name, where)
            counts['tested'] += len(COLUMNS)
            continue
        if len(cells) != len(COLUMNS):
            problems.append(f'{where}: {name} has {len(cells)} cells, expected {len(COLUMNS)}')
            continue
        if set(cells[0].split('+')) <= set(keys):
            check_values(name, alias, cells[0], where)
        for column, cell in zip(COLUMNS, cells):
            for key in cell.split('+'):
                used.add(key)
                if key not in keys:
                    problems.append(f'{where}: {key} is no key')
                elif keys[key][0] == 'test':
                    mentions(key, name, where)
                    if keys[key][3] and column not in in_cells.get(alias, ()):
                        problems.append(f'{where}: reference/cells.txt has no case {alias}/{column}')
                elif keys[key][0] == 'differences' and keys[key][1] not in support:
                    problems.append(f'{where}: docs/support.md has no row "{keys[key][1]}"')
            kinds = {keys[k][0] for k in cell.split('+') if k in keys}
            counts['differs' if 'differences' in kinds else 'tested' if 'test' in kinds else 'meaningless'] += 1
    for key in sorted(set(keys) - used):
        problems.append(f'table.txt: nothing uses the key {key}')
    print('\n'.join(problems) if problems else
          f"{len(rows)} rows, {counts['tested']} cells tested, {counts['meaningless']} without meaning, "
          f"{counts['differs']} that differ; {len(without)} names without edges")
    sys.exit(bool(problems))


if __name__ == '__main__':
    main()
