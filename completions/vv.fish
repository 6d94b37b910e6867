complete --keep-order --exclusive --command vv --arguments "(COMPLETE=fish vv -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
