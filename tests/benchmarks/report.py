"""benchmarks/report on programs whose times are known: report.py PATH/TO/report."""
import pathlib, subprocess, sys, tempfile, xml.dom.minidom

with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)

    def program(file, lines):
        (folder / file).write_text("import sys\nassert sys.argv[1:3] == ['--threads', '1']\n" + "".join(f"print('''{line}''')\n" for line in lines))
        return f"{sys.executable} {folder / file}"

    ours = folder / "ours"
    program("ours.py", ['{"workload": "one", "peer": "sinter", "us": 10}', '{"workload": "two", "peer": "sinter", "us": 4}', '{"workload": "alone", "peer": "sinter", "us": 1}'])
    ours.write_text(f"#!/bin/sh\nexec {sys.executable} {folder / 'ours.py'} \"$@\"\n")
    ours.chmod(0o755)
    first = program("a.py", ["a line that is no JSON", '{"workload": "one", "peer": "a<b", "us": 25}', '{"workload": "two", "peer": "a<b", "us": 2}', '{"workload": "two", "peer": "c", "error": "none"}'])
    second = program("b.py", ['{"workload": "one", "peer": "d", "us": 20}', '[1, 2]', '{"workload": "unknown", "peer": "d", "us": 20}'])
    out = folder / "scores.md"
    subprocess.run([sys.executable, sys.argv[1], str(ours), "--peers", first, "--peers", second, "--rounds", "2", "--compiler", "a compiler", "--out", str(out)], check=True, stdout=subprocess.DEVNULL)
    text = out.read_text()
    assert "a compiler" in text and "![bars](scores.svg)" in text
    assert "| one | 10.00 | 2.50× | 2.00× | 2.00× |" in text, text
    assert "| two | 4.00 | 0.50× | – | 0.50× |" in text, text
    assert "| alone | 1.00 | – | – | – |" in text, text
    assert text.split("## Where we lose")[1].strip() == "- two: 0.50× against the best, a<b 0.50×", text
    picture = (folder / "scores.svg").read_text()
    xml.dom.minidom.parseString(picture)
    assert picture.count("<title>") == 3
    assert sorted(p.name for p in folder.iterdir()) == ["a.py", "b.py", "ours", "ours.py", "scores.md", "scores.svg"]
