# Step 1: Create the task run
RUN_ID=$(curl -s -X POST https://api.parallel.ai/v1/tasks/runs \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  -H "Content-Type: application/json" \
  -d '{"processor":"pro","input":"Summarise the latest 10-K filing for Microsoft."}' \
  | jq -r '.run_id')

# Step 2: Poll until terminal state
while true; do
  STATUS=$(curl -s https://api.parallel.ai/v1/tasks/runs/${RUN_ID} \
    -H "x-api-key: ${PARALLEL_API_KEY}" \
    | jq -r '.status')

  case $STATUS in
    completed)
      break
      ;;
    failed|cancelled)
      echo "Task ended with status: $STATUS"
      exit 1
      ;;
    *)
      echo "Status: $STATUS — waiting..."
      sleep 5
      ;;
  esac
done

# Step 3: Fetch the result
curl -s https://api.parallel.ai/v1/tasks/runs/${RUN_ID}/result \
  -H "x-api-key: ${PARALLEL_API_KEY}" \
  | jq '.output'
