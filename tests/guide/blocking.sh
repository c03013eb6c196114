# Step 1: Create the task run
RUN_ID=$(curl -s -X POST https://api.parallel.ai/v1/tasks/runs \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  -H "Content-Type: application/json" \
  -d '{"processor":"base","input":"What is the market cap of Apple?"}' \
  | jq -r '.run_id')

# Step 2: Block until result is ready
curl -s https://api.parallel.ai/v1/tasks/runs/${RUN_ID}/result \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  | jq '.output'
