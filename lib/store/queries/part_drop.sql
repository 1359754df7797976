-- $1 table of all runs or rings that it was a part of, $2 number of the run or the ring
SELECT chancery.part_drop($1, $2)
