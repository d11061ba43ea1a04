// ChatCompletions
