"""`rustalk completion`: what a shell needs to complete commands, verbs and options."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from .command import Command, Exit

__all__ = ["completion"]

_BASH = """\
# rustalk: add `source <(rustalk completion bash)` to ~/.bashrc.
_rustalk() {
    local word="${COMP_WORDS[COMP_CWORD]}" path="" each
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$each" in -*) ;; *) path="$path $each" ;; esac
    done
    local words
    case "${path# }" in
%s
    esac
    COMPREPLY=($(compgen -W "$words" -- "$word"))
    if [ ${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _rustalk rustalk
"""
_ZSH = """\
#compdef rustalk
# rustalk: add `source <(rustalk completion zsh)` to ~/.zshrc, after compinit.
autoload -U +X bashcompinit && bashcompinit
"""


def completion(parser: Callable[[], ArgumentParser]) -> Command:
    """The command; ``parser`` makes that of the whole program."""

    def arguments(own: ArgumentParser) -> None:
        own.add_argument("shell", choices=("bash", "zsh"), help="the shell to write it for")

    def run(chosen: Namespace, out: TextIO) -> int:
        cases = "\n".join(f"        {_pattern(path)}) words='{words}' ;;" for path, words in _cases(parser()))
        out.write((_ZSH if chosen.shell == "zsh" else "") + _BASH % cases)
        return Exit.DONE

    return Command("completion", "write what bash or zsh needs to complete commands", arguments, run)


def _pattern(path: tuple[str, ...]) -> str:
    """What stands before the word: for the whole program nothing, for a verb anything behind it."""
    text = " ".join(path)
    return f"'{text}'|'{text} '*" if len(path) > 1 else f"'{text}'" if path else "''"


def _cases(parser: ArgumentParser) -> Iterator[tuple[tuple[str, ...], str]]:
    """The words that may follow each command, the longest commands first."""
    found = list(_below(parser, ()))
    yield from sorted(found, key=lambda case: -len(case[0]))


def _below(parser: ArgumentParser, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    words: list[str] = []
    for action in parser._actions:
        words += [option for option in action.option_strings if option.startswith("--")]
        if isinstance(action, _SubParsersAction):
            choices: dict[str, Any] = dict(action.choices)
            words += choices
            for name, inner in choices.items():
                yield from _below(inner, (*path, name))
        elif action.choices and not action.option_strings:
            words += [str(choice) for choice in action.choices]
    yield path, " ".join(words)
