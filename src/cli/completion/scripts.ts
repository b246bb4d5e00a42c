/**
 * The scripts that a shell sources. Each asks `k3c __complete -- WORDS…`, whose last line is `:files` or `:` and whose other
 * lines are `word<TAB>description`.
 */

const BASH = `# k3c completion for bash: source <(k3c completion bash)
_k3c() {
  local word about line files= current=\${COMP_WORDS[COMP_CWORD]} typed words=()
  # bash parts words at : and =, and k3c does not: they are put together again.
  line=\${COMP_LINE:0:COMP_POINT}
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  typed=\${words[\${#words[@]} - 1]}
  COMPREPLY=()
  while IFS=$'\\t' read -r word about; do
    case $word in
      :files) files=1 ;;
      :) ;;
      *) COMPREPLY+=("$word") ;;
    esac
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
  [[ $files ]] && { compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$current")); }
  # What bash has parted off in front stays on the line: all up to the last : or =, unless they part no words there.
  local gone= i
  [[ $COMP_WORDBREAKS == *:* && $typed == *:* ]] && gone=\${typed%"\${typed##*:}"}
  [[ $COMP_WORDBREAKS == *=* && $typed == --*=* && ! $gone ]] && gone=\${typed%%=*}=
  if [[ $gone ]]; then
    for i in "\${!COMPREPLY[@]}"; do COMPREPLY[i]=\${COMPREPLY[i]#"$gone"}; done
  fi
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[:=] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _k3c k3c
`;

const ZSH = `#compdef k3c
# k3c completion for zsh: source <(k3c completion zsh), or a file _k3c on $fpath
_k3c() {
  local -a answer candidates
  local line word files
  answer=("\${(@f)$("\${words[1]}" __complete -- "\${(@)words[2,CURRENT-1]}" "\${PREFIX}" 2>/dev/null)}")
  for line in "\${answer[@]}"; do
    case $line in
      :files) files=1 ;;
      :|"") ;;
      *) word=\${line%%$'\\t'*}; candidates+=("\${word//:/\\\\:}:\${line#*$'\\t'}") ;;
    esac
  done
  (( \${#candidates} )) && _describe -t k3c 'k3c' candidates -S ''
  [[ -n $files ]] && _files
}
if [[ \${funcstack[1]} == _k3c ]]; then _k3c "$@"; else compdef _k3c k3c; fi
`;

const FISH = `# k3c completion for fish: k3c completion fish | source
function __k3c_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] 2>/dev/null)
        switch $line
            case ':files'
                __fish_complete_path (commandline -ct)
            case ':'
            case '*'
                echo $line
        end
    end
end
complete -c k3c -e
complete -c k3c -f -a '(__k3c_complete)'
`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

/** The shells there are scripts for. */
export const shells: readonly string[] = ['bash', 'zsh', 'fish'];

/** The script of a shell; undefined for another. */
export function scriptOf(shell: string): string | undefined {
  return Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
}
