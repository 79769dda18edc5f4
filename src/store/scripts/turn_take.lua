-- ARGV: one of the turns, `<rank> <whose>`. Answers the number of the turn.
return take_turn(ARGV[2])
