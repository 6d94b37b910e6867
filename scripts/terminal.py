"""A terminal's screen: what a program's output looks like in the end. It knows the sequences that vv and its
libraries write, and refuses others, so that a picture never shows them wrong."""

import re
import unicodedata
from dataclasses import dataclass, replace

COLORS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"]


@dataclass(frozen=True)
class Style:
    """How a character looks."""

    color: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False


PLAIN = Style()
BLANK = (" ", PLAIN)

SEQUENCE = re.compile(
    r"\x1b\[(?P<private>\?)?(?P<numbers>[0-9;]*)(?P<final>[A-Za-z])"  # control sequences
    r"|\x1b\](?P<command>[^\x07\x1b]*)(?:\x07|\x1b\\)"  # operating system commands: titles, links
    r"|\x1b(?P<single>[78=>])"  # save and restore the cursor, keypad modes
)


class UnknownSequence(Exception):
    """The program wrote something that this screen doesn't understand."""


class Screen:
    """Lines of cells, without a limit below; the cursor may go up as far as there are lines."""

    def __init__(self, columns):
        self.columns = columns
        self.lines = [[]]
        self._row = self._column = 0
        self._style = PLAIN
        self._saved = (0, 0)

    def feed(self, text):
        """Writes a program's whole output."""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = SEQUENCE.match(text, at)
                if not match:
                    raise UnknownSequence(repr(text[at : at + 12]))
                self._sequence(match)
                at = match.end()
            else:
                self._character(text[at])
                at += 1

    def rows(self):
        """The lines, without what is blank at their ends and below."""
        rows = []
        for line in self.lines:
            end = len(line)
            while end and line[end - 1] == BLANK:
                end -= 1
            rows.append(line[:end])
        while rows and not rows[-1]:
            rows.pop()
        return rows

    def _character(self, character):
        match character:
            case "\n":
                self._go(self._row + 1, self._column)
            case "\r":
                self._go(self._row, 0)
            case "\b":
                self._go(self._row, self._column - 1)
            case "\t":
                self._go(self._row, min((self._column // 8 + 1) * 8, self.columns - 1))
            case "\x07":
                pass
            case _ if character < " ":
                raise UnknownSequence(repr(character))
            case _:
                self._put(character)

    def _put(self, character):
        if unicodedata.combining(character) or character == "\ufe0f":
            return
        width = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        # A character in the last column leaves the cursor there; only the next one goes to the next line.
        if self._column + width > self.columns:
            self._go(self._row + 1, 0)
        line = self.lines[self._row]
        line.extend([BLANK] * (self._column + width - len(line)))
        line[self._column] = (character, self._style)
        if width == 2:
            line[self._column + 1] = ("", self._style)
        self._column += width

    def _go(self, row, column):
        self._row, self._column = max(row, 0), max(column, 0)
        while len(self.lines) <= self._row:
            self.lines.append([])

    def _sequence(self, match):
        if match["command"] is not None:
            return
        if match["single"]:
            if match["single"] == "7":
                self._saved = (self._row, self._column)
            elif match["single"] == "8":
                self._go(*self._saved)
            return
        numbers = [int(number) if number else 0 for number in match["numbers"].split(";")]
        if match["private"]:
            if match["final"] not in "hl":
                raise UnknownSequence(repr(match[0]))
            return  # the cursor's visibility, synchronised output
        self._control(match, numbers)

    def _control(self, match, numbers):
        steps = max(numbers[0], 1)
        match match["final"]:
            case "m":
                self._look(numbers)
            case "A":
                self._go(self._row - steps, self._column)
            case "B":
                self._go(self._row + steps, self._column)
            case "C":
                self._go(self._row, min(self._column + steps, self.columns - 1))
            case "D":
                self._go(self._row, self._column - steps)
            case "E":
                self._go(self._row + steps, 0)
            case "F":
                self._go(self._row - steps, 0)
            case "G":
                self._go(self._row, steps - 1)
            case "K":
                self._erase_line(numbers[0])
            case "J" if numbers[0] == 0:
                self._erase_line(0)
                del self.lines[self._row + 1 :]
            case _:
                raise UnknownSequence(repr(match[0]))

    def _erase_line(self, how):
        line = self.lines[self._row]
        if how == 0:
            del line[self._column :]
        elif how == 1:
            line[: self._column + 1] = [BLANK] * min(self._column + 1, len(line))
        else:
            line.clear()

    def _look(self, numbers):
        numbers = list(numbers)
        while numbers:
            number = numbers.pop(0)
            if number == 0:
                self._style = PLAIN
            elif number in (1, 2, 3, 4):
                self._style = replace(self._style, **{("bold", "dim", "italic", "underline")[number - 1]: True})
            elif number == 22:
                self._style = replace(self._style, bold=False, dim=False)
            elif number in (23, 24):
                self._style = replace(self._style, **{"italic" if number == 23 else "underline": False})
            elif 30 <= number <= 37:
                self._style = replace(self._style, color=COLORS[number - 30])
            elif 90 <= number <= 97:
                self._style = replace(self._style, color="bright-" + COLORS[number - 90])
            elif number == 38 and numbers[:1] == [5] and len(numbers) > 1 and numbers[1] < 16:
                color = numbers[1]
                self._style = replace(self._style, color=("bright-" if color > 7 else "") + COLORS[color % 8])
                del numbers[:2]
            elif number in (39, 49):
                self._style = replace(self._style, color="") if number == 39 else self._style
            else:
                raise UnknownSequence(f"SGR {number}")
